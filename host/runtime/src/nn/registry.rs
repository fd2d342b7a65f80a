//! Models by name: registered early, loaded when first asked for, and loaded
//! once for each combination of bytes, backend and threads.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::NnError;
use super::backend::embedded::Embedded;
use super::backend::{
    self, Backend, BackendChoice, BackendReport, LoadOptions, Model, ModelInfo, Outputs, Precision,
};
use super::entry::{Entry, Labels, ModelContent, ModelDigests, Source, labels_from_text};
use super::scheduler::{Batching, ModelStats, Scheduler, User};
use super::tensor::{Tensor, TensorView};

/// Size that the warm-up run gives to dimensions that a model leaves open: the
/// first is the batch, the others are mostly height and width.
const WARM_UP_SIDE: u32 = 320;

/// How models are run where they do not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct InferenceOptions {
    /// Which backend.
    pub backend: BackendChoice,
    /// Threads that one run may use; none: as many as there are cores.
    pub threads: Option<usize>,
    /// Which of the backend's devices, as [`ModelRegistry::backends`] counts them;
    /// none: the first GPU with memory of its own, or the first of all.
    pub device: Option<usize>,
    /// The arithmetic; none: what the model has, or `f32`.
    pub precision: Option<Precision>,
    /// How requests of several elements are joined.
    pub batching: Batching,
}

/// What is said of one model; what is not said is as [`InferenceOptions`] have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelOptions {
    /// A file with one label a line; none: `<model>.names` or `<model>.labels` beside
    /// the model, if it exists.
    pub labels: Option<PathBuf>,
    /// Which backend.
    pub backend: Option<BackendChoice>,
    /// Threads that one run may use.
    pub threads: Option<usize>,
    /// Most rows of one run.
    pub max_batch: Option<u32>,
    /// How long a request waits for others to be joined with.
    pub max_delay: Option<Duration>,
    /// Which of the backend's devices.
    pub device: Option<usize>,
    /// The arithmetic.
    pub precision: Option<Precision>,
}

/// The models of a process. Cloning gives another handle to the same registry.
#[derive(Clone)]
pub struct ModelRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    options: InferenceOptions,
    embedded: Arc<dyn Backend>,
    libraries: Vec<Arc<dyn Backend>>,
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
    loaded: Mutex<HashMap<Key, Arc<Cell>>>,
}

/// What tells two loads apart.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    digest: [u8; 32],
    backend: &'static str,
    threads: usize,
    batching: Batching,
    device: Option<usize>,
    precision: Option<Precision>,
}

/// The place of one load. Its lock is held while loading, so that others who
/// want the same model wait, and those who want another do not.
#[derive(Default)]
struct Cell(Mutex<Option<Arc<Scheduler>>>);

/// A model that was loaded and run once, and knows how long that took.
struct WarmedUp {
    info: ModelInfo,
    model: Arc<dyn Model>,
}

impl Model for WarmedUp {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run_into(
        &self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), NnError> {
        self.model.run_into(inputs, outputs)
    }

    fn parallel(&self) -> usize {
        self.model.parallel()
    }
}

/// A model under one name, with its labels; the load behind it may have others.
pub struct SharedModel {
    info: ModelInfo,
    scheduler: Arc<Scheduler>,
}

impl SharedModel {
    /// What is known of it, and what it runs on.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What it has done so far, for all who use it under any name.
    pub fn stats(&self) -> ModelStats {
        self.scheduler.stats()
    }

    /// One element's use of it.
    pub(crate) fn user(&self) -> User {
        User::new(&self.scheduler)
    }

    /// Runs it at once, whoever else waits: for tools that measure.
    ///
    /// # Errors
    /// What is wrong with the inputs, or what the backend says.
    pub fn run(&self, inputs: &[(&str, TensorView<'_>)]) -> Result<Vec<(String, Tensor)>, NnError> {
        self.scheduler.model().run(inputs)
    }
}

impl ModelRegistry {
    /// A registry without models. Loads nothing and looks for nothing yet.
    pub fn new(options: InferenceOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                options,
                embedded: Arc::new(Embedded::new()),
                libraries: backend::libraries(),
                entries: Mutex::default(),
                loaded: Mutex::default(),
            }),
        }
    }

    /// Adds a model that is in memory. A later one of the
    /// same name replaces it for those who ask from then on.
    pub fn add_bytes(&self, name: &str, bytes: impl Into<Arc<[u8]>>, labels: Vec<String>) {
        let source = Source::Bytes(bytes.into());
        self.add(name, source, Labels::List(labels), ModelOptions::default());
    }

    /// Adds a model that the program carries; it is copied when it is first asked for.
    pub fn add_carried(&self, name: &str, bytes: &'static [u8]) {
        let labels = Labels::List(Vec::new());
        self.add(
            name,
            Source::Carried(bytes),
            labels,
            ModelOptions::default(),
        );
    }

    /// Adds a model with what the file of its labels holds.
    pub fn add_with_labels(
        &self,
        name: &str,
        bytes: Arc<[u8]>,
        labels: Option<&str>,
        options: ModelOptions,
    ) {
        let labels = labels.map_or_else(
            || Labels::List(Vec::new()),
            |text| Labels::Text(text.to_owned()),
        );
        self.add(name, Source::Bytes(bytes), labels, options);
    }

    /// Adds a model that is in a file, which is read when the model is first asked
    /// for.
    pub fn add_file(&self, name: &str, path: impl Into<PathBuf>, options: ModelOptions) {
        let labels = options.labels.clone();
        let labels = labels.map_or(Labels::BesideModel, Labels::File);
        self.add(name, Source::File(path.into()), labels, options);
    }

    fn add(&self, name: &str, source: Source, labels: Labels, options: ModelOptions) {
        let entry = Entry {
            source,
            labels,
            options,
            told: OnceLock::new(),
            named: Mutex::default(),
        };
        locked(&self.inner.entries).insert(name.to_owned(), Arc::new(entry));
    }

    /// The name of a file that [`add_file`](Self::add_file) added without options.
    pub fn name_of(&self, path: &Path) -> Option<String> {
        let entries = locked(&self.inner.entries);
        let found = entries.iter().find(|(_, entry)| {
            let plain = entry.options == ModelOptions::default();
            plain && matches!(&entry.source, Source::File(file) if file == path)
        });
        found.map(|(name, _)| name.clone())
    }

    /// What a model is made from, without loading it. Who has asked can rely on the
    /// answer: if the files become others, loading the model fails.
    ///
    /// # Errors
    /// If there is no such model, or a file of it cannot be read.
    pub fn digests(&self, name: &str) -> Result<ModelDigests, NnError> {
        let entry = self.entry(name)?;
        if let Some(told) = entry.told.get() {
            return Ok(*told);
        }
        let content = entry.content(name)?;
        Ok(*entry.told.get_or_init(|| content.digests))
    }

    /// What a model is made from, as [`digests`](Self::digests) told it if it was asked.
    #[cfg(feature = "compiler")]
    pub(crate) fn content(&self, name: &str) -> Result<ModelContent, NnError> {
        self.entry(name)?.content(name)
    }

    fn entry(&self, name: &str) -> Result<Arc<Entry>, NnError> {
        let entry = locked(&self.inner.entries).get(name).cloned();
        entry.ok_or_else(|| {
            let known = self.names();
            let similar = similar(name, &known).map(ToOwned::to_owned);
            NnError::UnknownModel {
                name: name.to_owned(),
                similar,
                known,
            }
        })
    }

    /// Names of all models, sorted.
    pub fn names(&self) -> Vec<String> {
        locked(&self.inner.entries).keys().cloned().collect()
    }

    /// The model of this name: loads it and runs it once on zeros if nobody did
    /// yet. Blocks for as long as that takes.
    pub fn get(&self, name: &str) -> Result<Arc<SharedModel>, NnError> {
        let entry = self.entry(name)?;
        let mut named = locked(&entry.named);
        if let Some(model) = &*named {
            return Ok(Arc::clone(model));
        }
        let model = self.load_entry(name, &entry)?;
        *named = Some(Arc::clone(&model));
        Ok(model)
    }

    /// What can be said about each backend on this machine. Looks for libraries,
    /// and loads those that it finds.
    pub fn backends(&self) -> Vec<BackendReport> {
        let libraries = self.inner.libraries.iter();
        let backends = std::iter::once(&self.inner.embedded).chain(libraries);
        let report = |backend: &Arc<dyn Backend>| BackendReport {
            name: backend.name(),
            version: backend.version(),
            library: backend.library(),
            devices: backend.available(),
            chosen_by_auto: false,
        };
        let mut reports: Vec<BackendReport> = backends.map(report).collect();
        let auto = self.choose(BackendChoice::Auto);
        let auto = auto.map(|(backend, _)| backend.name()).unwrap_or_default();
        for report in &mut reports {
            report.chosen_by_auto = report.name == auto;
        }
        reports
    }

    /// The backend that is always there: the only one that sees a guest's bytes.
    pub(super) fn embedded(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.inner.embedded)
    }

    /// How models are run where they do not say otherwise.
    #[cfg(test)]
    pub(super) fn options(&self) -> &InferenceOptions {
        &self.inner.options
    }

    /// Threads that a run may use where the model does not say.
    pub(super) fn threads(&self, wanted: Option<usize>) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        wanted
            .or(self.inner.options.threads)
            .unwrap_or_else(cores)
            .max(1)
    }

    /// The backend of a choice, with a remark where it was chosen for the user.
    fn choose(&self, choice: BackendChoice) -> Result<(Arc<dyn Backend>, Option<String>), NnError> {
        let named = |choice: BackendChoice| -> Result<Arc<dyn Backend>, NnError> {
            let mut libraries = self.inner.libraries.iter();
            let backend = libraries.find(|backend| backend.name() == choice.name());
            let unknown = || NnError::UnknownBackend {
                name: choice.name().to_owned(),
            };
            let backend = backend.ok_or_else(unknown)?;
            let available = backend.available();
            available.map_err(|missing| backend::unavailable(backend.name(), missing))?;
            Ok(Arc::clone(backend))
        };
        match choice {
            BackendChoice::Embedded => Ok((self.embedded(), None)),
            BackendChoice::Auto => Ok(match named(BackendChoice::Onnxruntime) {
                Ok(backend) => {
                    let note = "`auto` chose `onnxruntime`: its library loads";
                    (backend, Some(note.into()))
                }
                Err(NnError::BackendUnavailable { why, .. }) => (
                    self.embedded(),
                    // Where it was looked for is a long list, which `backends` gives.
                    Some(format!(
                        "`auto` chose `embedded`: {}",
                        why.split(" in `").next().unwrap_or_default()
                    )),
                ),
                Err(error) => return Err(error),
            }),
            choice => Ok((named(choice)?, None)),
        }
    }

    fn load_entry(&self, name: &str, entry: &Entry) -> Result<Arc<SharedModel>, NnError> {
        let ModelContent {
            bytes,
            labels,
            digests,
        } = entry.content(name)?;
        let labels = match (&entry.labels, &labels) {
            (Labels::List(labels), _) => labels.clone(),
            (_, text) => text.as_deref().map(labels_from_text).unwrap_or_default(),
        };
        let (wanted, general) = (&entry.options, &self.inner.options);
        let (backend, note) = self.choose(wanted.backend.unwrap_or(general.backend))?;
        let batching = self.batching(wanted);
        let options = LoadOptions {
            name: name.to_owned(),
            varies: batching.max_batch > 1,
            threads: self.threads(wanted.threads),
            device: wanted.device.or(general.device),
            precision: wanted.precision.or(general.precision),
        };
        let key = Key {
            digest: digests.model,
            backend: backend.name(),
            threads: options.threads,
            batching,
            device: options.device,
            precision: options.precision,
        };
        let cell = Arc::clone(locked(&self.inner.loaded).entry(key).or_default());
        let mut place = locked(&cell.0);
        let scheduler = if let Some(scheduler) = &*place {
            Arc::clone(scheduler)
        } else {
            let model = load_and_warm_up(&*backend, &bytes, &options)?;
            Arc::clone(place.insert(Arc::new(Scheduler::new(model, batching))))
        };
        let mut info = scheduler.info().clone();
        name.clone_into(&mut info.name);
        info.labels = labels;
        let notes = [note, info.note.take(), scheduler.note()]
            .into_iter()
            .flatten();
        info.note = notes.reduce(|all, note| format!("{all}; {note}"));
        // What runs from now on is what is told.
        entry.told.get_or_init(|| digests);
        Ok(Arc::new(SharedModel { info, scheduler }))
    }

    fn batching(&self, own: &ModelOptions) -> Batching {
        let common = self.inner.options.batching;
        Batching {
            max_batch: own.max_batch.unwrap_or(common.max_batch).max(1),
            max_delay: own.max_delay.unwrap_or(common.max_delay),
        }
    }
}

/// Loads a model and runs it on zeros, since the first run of any engine takes
/// several times as long as the next.
fn load_and_warm_up(
    backend: &dyn Backend,
    bytes: &Arc<[u8]>,
    options: &LoadOptions,
) -> Result<Arc<dyn Model>, NnError> {
    let begin = Instant::now();
    let model = backend.load(bytes, options)?;
    let mut info = model.info().clone();
    info.load_nanos = nanos_since(begin);

    let begin = Instant::now();
    match warm_up(&*model) {
        Ok(()) => info.first_run_nanos = Some(nanos_since(begin)),
        // Zeros of a guessed size prove nothing about a model of open dimensions.
        Err(_)
            if info
                .inputs
                .iter()
                .any(|input| input.dimensions.contains(&None)) => {}
        Err(NnError::Run { why, .. }) => {
            return Err(NnError::Load {
                name: options.name.clone(),
                backend: backend.name(),
                why: format!("its first run, on zeros, failed: {why}"),
            });
        }
        Err(error) => return Err(error),
    }
    Ok(Arc::new(WarmedUp { info, model }))
}

fn warm_up(model: &dyn Model) -> Result<(), NnError> {
    let mut inputs = Vec::new();
    for input in &model.info().inputs {
        let side = |place: usize| if place == 0 { 1 } else { WARM_UP_SIDE };
        let dimensions = input.dimensions.iter().enumerate();
        let dimensions = dimensions.map(|(place, size)| size.unwrap_or_else(|| side(place)));
        inputs.push((
            &*input.name,
            Tensor::zeros(input.element_type, dimensions.collect())?,
        ));
    }
    let views: Vec<_> = inputs
        .iter()
        .map(|(name, tensor)| (*name, tensor.view()))
        .collect();
    model.run(&views).map(drop)
}

/// The known name that is fewest edits away, if that is near enough to be meant.
fn similar<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|other| (edits(name, other), &**other))
        .filter(|&(edits, other)| edits <= 1 + other.len() / 4)
        .min()
        .map(|(_, other)| other)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, x) in a.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let up = *cell;
            // `row` still holds the line above, shifted by the column before.
            let cost = diagonal + usize::from(x != *y);
            diagonal = up;
            left = cost.min(up + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn nanos_since(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A lock that goes on after a panic elsewhere: what is behind the locks here is
/// complete at all times.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
