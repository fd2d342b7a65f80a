//! One model for many: whose request runs when, and which run together.
//!
//! ```text
//! element A ─ request ─┐                      ┌─► Model::run  (bound: `parallel`)
//! element B ─ request ─┼─► waiting, by time ──┤
//! element C ─ request ─┘   late ones dropped  └─► Model::run on up to `max_batch` rows
//! ```
//!
//! There is no thread of its own: the thread whose request is oldest becomes the
//! leader, takes along what can be joined with it, runs, and hands out the results.
//! Requests are served in the order in which they came. An element has one request
//! at a time, so that this is a turn for each stream.
//!
//! Requests are joined along the first axis where the model leaves it open in all
//! inputs and outputs and the other dimensions agree.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::NnError;
use super::backend::{Model, ModelInfo, TensorInfo};
use super::tensor::{ElementType, TensorView};
use crate::buffer::Buffer;

/// How requests of several elements are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Batching {
    /// Most rows of one run; 1 joins nothing.
    pub max_batch: u32,
    /// How long the oldest request waits for others. Requests that wait anyway are
    /// joined without it.
    pub max_delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            max_batch: 1,
            max_delay: Duration::ZERO,
        }
    }
}

/// A tensor on its way to a model.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) element_type: ElementType,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) data: Data,
}

/// Where a tensor's bytes are: in a guest's copy, or in a buffer that it sees.
pub(crate) enum Data {
    Bytes(Vec<u8>),
    Buffer(Buffer),
}

impl Data {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Buffer(buffer) => buffer.bytes(),
        }
    }
}

impl Input {
    fn view(&self) -> Result<TensorView<'_>, NnError> {
        TensorView::new(self.element_type, &self.dimensions, self.data.bytes())
    }
}

/// Takes a request's outputs over, one after the other.
pub(crate) type Outputs = Box<dyn FnMut(&TensorInfo, TensorView<'_>) -> Result<(), NnError> + Send>;

/// What one element wants of a model.
pub(crate) struct Request {
    pub(crate) inputs: Vec<Input>,
    /// What has not begun by then is dropped.
    pub(crate) deadline: Option<Instant>,
    pub(crate) outputs: Outputs,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It ran, and its outputs were taken over.
    Done,
    /// Its deadline passed before it began.
    Late,
}

/// A model and those who wait for it.
pub(crate) struct Scheduler {
    model: Arc<dyn Model>,
    batching: Batching,
    /// Whether the model takes more rows than one.
    joins: bool,
    /// Most runs side by side.
    parallel: usize,
    /// Memory in which requests are joined, used again.
    spare: Mutex<Vec<Vec<u8>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    waiting: VecDeque<Waiting>,
    done: HashMap<u64, Result<Answer, NnError>>,
    next: u64,
    running: usize,
    users: u32,
    stats: ModelStats,
}

impl State {
    /// The thread of the oldest request looks whether it is its turn.
    fn wake_oldest(&self) {
        if let Some(oldest) = self.waiting.front() {
            oldest.wake.notify_one();
        }
    }
}

struct Waiting {
    id: u64,
    request: Request,
    since: Instant,
    wake: Arc<Condvar>,
}

/// What a model has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelStats {
    /// Requests that were run.
    pub requests: u64,
    /// Runs of the model; fewer than requests where they were joined.
    pub runs: u64,
    /// Requests dropped because their deadline passed before they began.
    pub late: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Time that the model ran, in nanoseconds, all runs together.
    pub run_nanos: u64,
    /// Time that requests waited for their turn, in nanoseconds, all together.
    pub wait_nanos: u64,
    /// Longest of these waits, in nanoseconds.
    pub longest_wait_nanos: u64,
    /// Runs by how many requests they joined: the first of one, the second of two …
    pub batches: Vec<u64>,
}

/// Counts one element that uses the model for as long as this lives.
pub(crate) struct User(Arc<Scheduler>);

impl User {
    pub(crate) fn new(scheduler: &Arc<Scheduler>) -> Self {
        scheduler.state().users += 1;
        Self(Arc::clone(scheduler))
    }

    /// Runs a request; waits for its turn.
    pub(crate) fn run(&self, request: Request) -> Result<Answer, NnError> {
        self.0.run(request)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.0.state().users -= 1;
        // Who waits for it to fill a batch need not any more.
        self.0.state().wake_oldest();
    }
}

impl Scheduler {
    pub(crate) fn new(model: Arc<dyn Model>, batching: Batching) -> Self {
        let info = model.info();
        let open = |info: &TensorInfo| info.dimensions.first() == Some(&None);
        let joins = batching.max_batch > 1
            && !info.inputs.is_empty()
            && info.inputs.iter().chain(&info.outputs).all(open);
        Self {
            parallel: model.parallel().max(1),
            model,
            batching,
            joins,
            state: Mutex::default(),
            spare: Mutex::default(),
        }
    }

    pub(crate) fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    /// Requests so far that were put in line.
    #[cfg(test)]
    pub(super) fn requests(&self) -> u64 {
        self.state().next
    }

    /// The model without its turns.
    pub(super) fn model(&self) -> &dyn Model {
        &*self.model
    }

    /// Why requests are not joined, though that was asked for.
    pub(super) fn note(&self) -> Option<String> {
        let wanted = self.batching.max_batch;
        (wanted > 1 && !self.joins).then(|| {
            format!("`max-batch = {wanted}` does nothing: the model's first dimension is fixed")
        })
    }

    /// What was done so far.
    pub(crate) fn stats(&self) -> ModelStats {
        self.state().stats.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, request: Request) -> Result<Answer, NnError> {
        let views: Result<Vec<_>, NnError> = request
            .inputs
            .iter()
            .map(|input| {
                Ok((
                    &*input.name,
                    input.view().map_err(|error| self.of_input(input, &error))?,
                ))
            })
            .collect();
        // A bad request shall fail alone, not a batch with it.
        self.info().check_inputs(&views?)?;

        let wake = Arc::new(Condvar::new());
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        let since = Instant::now();
        let deadline = request.deadline;
        state.waiting.push_back(Waiting {
            id,
            request,
            since,
            wake: Arc::clone(&wake),
        });
        if self.joins {
            state.wake_oldest();
        }
        loop {
            if let Some(answer) = state.done.remove(&id) {
                return answer;
            }
            let now = Instant::now();
            let is_waiting = state.waiting.iter().any(|waiting| waiting.id == id);
            if is_waiting && deadline.is_some_and(|deadline| deadline <= now) {
                state.waiting.retain(|waiting| waiting.id != id);
                state.stats.late += 1;
                state.wake_oldest();
                return Ok(Answer::Late);
            }
            let until = if is_waiting {
                self.turn(&state, id, now)
            } else {
                Turn::Wait(None)
            };
            let until = match until {
                Turn::Run => return self.lead(state, id),
                Turn::Wait(until) => earlier(until, deadline.filter(|_| is_waiting)),
            };
            state = match until {
                Some(until) => {
                    let time = until.saturating_duration_since(now);
                    let waited = wake.wait_timeout(state, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Whether the request is to run now, or until when it waits at most.
    fn turn(&self, state: &State, id: u64, now: Instant) -> Turn {
        let Some(oldest) = state.waiting.front().filter(|oldest| oldest.id == id) else {
            return Turn::Wait(None);
        };
        if state.running >= self.parallel {
            return Turn::Wait(None);
        }
        let full = self.batching.max_batch.min(state.users) as usize;
        let until = oldest.since + self.batching.max_delay;
        if self.joins && state.waiting.len() < full && now < until {
            return Turn::Wait(Some(until));
        }
        Turn::Run
    }

    /// Runs the oldest request and those that can be joined with it.
    fn lead(&self, mut state: MutexGuard<'_, State>, id: u64) -> Result<Answer, NnError> {
        let mut batch = self.take_batch(&mut state);
        state.running += 1;
        // Another may run beside this one.
        state.wake_oldest();
        drop(state);

        let began = Instant::now();
        let mut requests: Vec<&mut Request> = batch
            .iter_mut()
            .map(|waiting| &mut waiting.request)
            .collect();
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_together(&mut requests)));
        let results = ran.unwrap_or_else(|_panic| {
            let failed = || Err(self.failed("the engine panicked"));
            batch.iter().map(|_| failed()).collect()
        });
        let took = began.elapsed();

        let mut state = self.state();
        state.running -= 1;
        state.stats.ran(&batch, began, took);
        let mut own = Ok(Answer::Done);
        for (waiting, result) in batch.into_iter().zip(results) {
            state.stats.failed += u64::from(result.is_err());
            let answer = result.map(|()| Answer::Done);
            if waiting.id == id {
                own = answer;
            } else {
                state.done.insert(waiting.id, answer);
                waiting.wake.notify_one();
            }
        }
        state.wake_oldest();
        own
    }

    /// The oldest request, and those after it that fit, in their order.
    fn take_batch(&self, state: &mut State) -> Vec<Waiting> {
        let Some(leader) = state.waiting.pop_front() else {
            return Vec::new();
        };
        let mut rows = rows(&leader.request);
        let mut batch = vec![leader];
        if !self.joins {
            return batch;
        }
        let now = Instant::now();
        let mut place = 0;
        while let (Some(first), Some(other)) = (batch.first(), state.waiting.get(place)) {
            let more = rows.saturating_add(self::rows(&other.request));
            let late = other
                .request
                .deadline
                .is_some_and(|deadline| deadline <= now);
            if !late && more <= self.batching.max_batch && alike(&first.request, &other.request) {
                rows = more;
                batch.extend(state.waiting.remove(place));
            } else {
                place += 1;
            }
        }
        batch
    }

    fn of_input(&self, input: &Input, error: &NnError) -> NnError {
        NnError::Input {
            model: self.info().name.clone(),
            input: input.name.clone(),
            why: error.to_string(),
        }
    }

    fn failed(&self, why: &str) -> NnError {
        NnError::Run {
            model: self.info().name.clone(),
            backend: self.info().backend,
            why: why.to_owned(),
        }
    }
}

impl ModelStats {
    fn ran(&mut self, batch: &[Waiting], began: Instant, took: Duration) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.runs += 1;
        self.requests += batch.len() as u64;
        self.run_nanos += nanos(took);
        for waiting in batch {
            let waited = nanos(began.saturating_duration_since(waiting.since));
            self.wait_nanos += waited;
            self.longest_wait_nanos = self.longest_wait_nanos.max(waited);
        }
        if self.batches.len() < batch.len() {
            self.batches.resize(batch.len(), 0);
        }
        if let Some(count) = self.batches.get_mut(batch.len().saturating_sub(1)) {
            *count += 1;
        }
    }
}

enum Turn {
    Run,
    Wait(Option<Instant>),
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Scheduler {
    /// Runs one request as it is, several as one.
    fn run_together(&self, requests: &mut [&mut Request]) -> Vec<Result<(), NnError>> {
        if let [request] = requests {
            let Request {
                inputs, outputs, ..
            } = &mut **request;
            let views: Result<Vec<_>, NnError> = inputs
                .iter()
                .map(|input| Ok((&*input.name, input.view()?)))
                .collect();
            return vec![views.and_then(|views| self.model.run_into(&views, outputs))];
        }
        let joined = self.join(requests);
        let ran = self.run_joined(&joined, requests);
        let spare = joined.into_iter().map(|joined| joined.data);
        self.spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(spare);
        let why = ran.err().map(|error| error.to_string());
        let result = |_: &&mut Request| why.as_ref().map_or(Ok(()), |why| Err(self.failed(why)));
        requests.iter().map(result).collect()
    }

    /// Each input of all requests, one row after the other.
    fn join(&self, requests: &[&mut Request]) -> Vec<Joined> {
        let Some(first) = requests.first() else {
            return Vec::new();
        };
        let total = requests.iter().map(|request| rows(request)).sum();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let join = |input: &Input| {
            let mut dimensions = input.dimensions.clone();
            if let Some(rows) = dimensions.first_mut() {
                *rows = total;
            }
            let mut data = spare.pop().unwrap_or_default();
            data.clear();
            // Once as much as will ever be needed, rather than doubling up to it.
            let row_bytes = input.data.bytes().len() / (rows(first) as usize).max(1);
            data.reserve_exact(row_bytes.saturating_mul(self.batching.max_batch as usize));
            for request in requests {
                let other = request.inputs.iter().find(|other| other.name == input.name);
                data.extend_from_slice(other.map_or(&[][..], |other| other.data.bytes()));
            }
            Joined {
                name: input.name.clone(),
                element_type: input.element_type,
                dimensions,
                data,
            }
        };
        first.inputs.iter().map(join).collect()
    }

    /// Runs them, and gives each request its rows of the outputs.
    fn run_joined(&self, joined: &[Joined], requests: &mut [&mut Request]) -> Result<(), NnError> {
        let counts: Vec<u32> = requests.iter().map(|request| rows(request)).collect();
        let total: u32 = counts.iter().sum();
        let views: Result<Vec<_>, NnError> = joined
            .iter()
            .map(|joined| {
                let (ty, dimensions) = (joined.element_type, &joined.dimensions);
                Ok((
                    &*joined.name,
                    TensorView::new(ty, dimensions, &joined.data)?,
                ))
            })
            .collect();
        self.model.run_into(&views?, &mut |info, tensor| {
            let Some((&rows, rest)) = tensor.dimensions().split_first() else {
                return Err(not_split(info, tensor, total));
            };
            if rows != total {
                return Err(not_split(info, tensor, total));
            }
            let row_bytes = tensor.data().len() / total.max(1) as usize;
            let mut left = tensor.data();
            for (request, &count) in requests.iter_mut().zip(&counts) {
                let own = left
                    .split_off(..row_bytes * count as usize)
                    .unwrap_or_default();
                let dimensions: Vec<u32> = [count].iter().chain(rest).copied().collect();
                let view = TensorView::new(tensor.element_type(), &dimensions, own)?;
                (request.outputs)(info, view)?;
            }
            Ok(())
        })
    }
}

/// An input of several requests.
struct Joined {
    name: String,
    element_type: ElementType,
    dimensions: Vec<u32>,
    data: Vec<u8>,
}

/// How many rows a request has along the first axis.
fn rows(request: &Request) -> u32 {
    let first = request.inputs.first();
    first
        .and_then(|input| input.dimensions.first().copied())
        .unwrap_or(1)
}

/// Whether two requests of a model can run together: the same number of rows in
/// each of its inputs, and all other dimensions the same in both.
fn alike(a: &Request, b: &Request) -> bool {
    let even = |request: &Request| {
        let rows = Some(rows(request));
        let mut inputs = request.inputs.iter();
        inputs.all(|input| input.dimensions.first().copied() == rows)
    };
    let same = |input: &Input| {
        let other = b.inputs.iter().find(|other| other.name == input.name);
        other.is_some_and(|other| {
            other.element_type == input.element_type
                && other.dimensions.get(1..) == input.dimensions.get(1..)
        })
    };
    even(a) && even(b) && a.inputs.iter().all(same)
}

fn not_split(info: &TensorInfo, tensor: TensorView<'_>, total: u32) -> NnError {
    NnError::Tensor {
        why: format!(
            "output `{}` is {tensor:?} for {total} rows of input, which cannot be given back \
             one by one; set `max-batch = 1` for this model",
            info.name
        ),
    }
}
