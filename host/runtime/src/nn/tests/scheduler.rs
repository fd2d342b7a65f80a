//! Who runs when, and with whom.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::super::backend::{Model, ModelInfo, Outputs, TensorInfo};
use super::super::scheduler::{
    Answer, Batching, Data, Input, ModelStats, Request, Scheduler, User,
};
use super::*;

/// Gives back its input plus one. Each run waits for a word of the test, and says
/// how many rows it got.
struct Gated {
    info: ModelInfo,
    parallel: usize,
    go: Mutex<Receiver<()>>,
    rows: Mutex<SyncSender<u32>>,
    side_by_side: AtomicUsize,
    most: AtomicUsize,
}

impl Model for Gated {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run_into(
        &self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), NnError> {
        let now = self.side_by_side.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let (_, view) = inputs[0];
        self.rows
            .lock()
            .unwrap()
            .send(view.dimensions()[0])
            .unwrap();
        self.go.lock().unwrap().recv().unwrap();
        self.side_by_side.fetch_sub(1, Ordering::SeqCst);
        assert!(!view.data().contains(&66), "the engine does not like 66");
        let data: Vec<u8> = view.data().iter().map(|byte| byte + 1).collect();
        let output = TensorView::new(ElementType::U8, view.dimensions(), &data)?;
        outputs(&self.info.outputs[0], output)
    }

    fn parallel(&self) -> usize {
        self.parallel
    }
}

struct Test {
    scheduler: Arc<Scheduler>,
    model: Arc<Gated>,
    go: SyncSender<()>,
    rows: Receiver<u32>,
}

fn test(parallel: usize, first: Option<u32>, max_batch: u32, max_delay: Duration) -> Test {
    let tensor = |name: &str| TensorInfo {
        name: name.into(),
        element_type: ElementType::U8,
        dimensions: vec![first, None],
    };
    let info = ModelInfo {
        name: "test".into(),
        backend: "embedded",
        device: "cpu".into(),
        precision: "f32".into(),
        threads: 1,
        inputs: vec![tensor("x")],
        outputs: vec![tensor("y")],
        metadata: Vec::new(),
        labels: Vec::new(),
        note: None,
        load_nanos: 0,
        first_run_nanos: None,
    };
    let ((go, wait), (say, rows)) = (sync_channel(99), sync_channel(99));
    let model = Arc::new(Gated {
        info,
        parallel,
        go: Mutex::new(wait),
        rows: Mutex::new(say),
        side_by_side: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let batching = Batching {
        max_batch,
        max_delay,
    };
    Test {
        scheduler: Arc::new(Scheduler::new(
            Arc::clone(&model) as Arc<dyn Model>,
            batching,
        )),
        model,
        go,
        rows,
    }
}

type Given = (Result<Answer, NnError>, Vec<(Vec<u32>, Vec<u8>)>);

fn ask(user: &User, dimensions: &[u32], data: &[u8], deadline: Option<Instant>) -> Given {
    let outputs: Arc<Mutex<Vec<_>>> = Arc::default();
    let taken = Arc::clone(&outputs);
    let answer = user.run(Request {
        inputs: vec![Input {
            name: "x".into(),
            element_type: ElementType::U8,
            dimensions: dimensions.to_vec(),
            data: Data::Bytes(data.to_vec()),
        }],
        deadline,
        outputs: Box::new(move |_, view| {
            let output = (view.dimensions().to_vec(), view.data().to_vec());
            taken.lock().unwrap().push(output);
            Ok(())
        }),
    });
    let outputs = std::mem::take(&mut *outputs.lock().unwrap());
    (answer, outputs)
}

impl Test {
    /// Asks from a thread of its own, and waits until the request is in line.
    fn ask(&self, dimensions: &[u32], data: &[u8]) -> thread::JoinHandle<Given> {
        self.ask_before(dimensions, data, None)
    }

    fn ask_before(
        &self,
        dimensions: &[u32],
        data: &[u8],
        deadline: Option<Instant>,
    ) -> thread::JoinHandle<Given> {
        let (before, user) = (self.scheduler.requests(), User::new(&self.scheduler));
        let (dimensions, data) = (dimensions.to_vec(), data.to_vec());
        let thread = thread::spawn(move || ask(&user, &dimensions, &data, deadline));
        while self.scheduler.requests() == before {
            thread::yield_now();
        }
        thread
    }

    fn stats(&self) -> ModelStats {
        self.scheduler.stats()
    }
}

#[test]
fn requests_are_served_in_the_order_in_which_they_came() {
    let test = test(1, Some(1), 8, Duration::ZERO);
    let threads: Vec<_> = (0..5).map(|n| test.ask(&[1, 1], &[n])).collect();
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiting: Vec<_> = (0_u8..)
        .zip(threads)
        .map(|(n, thread)| {
            let order = Arc::clone(&order);
            thread::spawn(move || {
                let (answer, outputs) = thread.join().unwrap();
                assert_eq!(answer.unwrap(), Answer::Done);
                assert_eq!(outputs, [(vec![1, 1], vec![n + 1])]);
                order.lock().unwrap().push(n);
            })
        })
        .collect();
    for done in 1..=5 {
        test.go.send(()).unwrap();
        while order.lock().unwrap().len() < done {
            thread::yield_now();
        }
    }
    for thread in waiting {
        thread.join().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(test.model.most.load(Ordering::SeqCst), 1);
    let stats = test.stats();
    // A model of fixed rows is never joined, whatever `max-batch` says, and says so.
    let note = test.scheduler.note().unwrap();
    assert!(note.contains("`max-batch = 8` does nothing"), "{note}");
    assert_eq!((stats.requests, stats.runs, stats.batches), (5, 5, vec![5]));
    assert!(stats.longest_wait_nanos > 0 && stats.wait_nanos >= stats.longest_wait_nanos);
}

#[test]
fn runs_stand_side_by_side_up_to_the_bound() {
    let test = test(2, Some(1), 1, Duration::ZERO);
    let threads: Vec<_> = (0..5).map(|n| test.ask(&[1, 1], &[n])).collect();
    // Two began, though none has ended.
    assert_eq!(
        (test.rows.recv().unwrap(), test.rows.recv().unwrap()),
        (1, 1)
    );
    (0..5).for_each(|_| test.go.send(()).unwrap());
    for thread in threads {
        assert_eq!(thread.join().unwrap().0.unwrap(), Answer::Done);
    }
    assert_eq!(test.model.most.load(Ordering::SeqCst), 2);
}

#[test]
fn what_waits_is_joined_and_given_back_row_by_row() {
    let test = test(1, None, 4, Duration::ZERO);
    let first = test.ask(&[1, 2], &[0, 1]);
    assert_eq!(test.rows.recv().unwrap(), 1);
    // While that runs: two that fit, one of another size, one of two rows, one too many.
    let pair = test.ask(&[1, 2], &[10, 11]);
    let other = test.ask(&[1, 3], &[20, 21, 22]);
    let double = test.ask(&[2, 2], &[30, 31, 40, 41]);
    let single = test.ask(&[1, 2], &[50, 51]);
    let late = test.ask(&[1, 2], &[60, 61]);
    (0..4).for_each(|_| test.go.send(()).unwrap());
    let rows: Vec<u32> = (0..3).map(|_| test.rows.recv().unwrap()).collect();
    assert_eq!(rows, [4, 1, 1]);
    let check = |thread: thread::JoinHandle<Given>, dimensions: &[u32], data: &[u8]| {
        let (answer, outputs) = thread.join().unwrap();
        assert_eq!(answer.unwrap(), Answer::Done);
        assert_eq!(outputs, [(dimensions.to_vec(), data.to_vec())]);
    };
    check(first, &[1, 2], &[1, 2]);
    check(pair, &[1, 2], &[11, 12]);
    check(other, &[1, 3], &[21, 22, 23]);
    check(double, &[2, 2], &[31, 32, 41, 42]);
    check(single, &[1, 2], &[51, 52]);
    check(late, &[1, 2], &[61, 62]);
    let stats = test.stats();
    assert_eq!((stats.requests, stats.runs), (6, 4));
    assert_eq!(stats.batches, [3, 0, 1]);
}

#[test]
fn the_oldest_waits_for_others_only_while_there_could_be_some() {
    let test = test(1, None, 2, Duration::from_hours(1));
    // One user alone does not wait for a second one that is not there.
    let alone = test.ask(&[1, 1], &[0]);
    assert_eq!(test.rows.recv().unwrap(), 1);
    test.go.send(()).unwrap();
    assert_eq!(alone.join().unwrap().0.unwrap(), Answer::Done);
    // Of two the first waits, and the second fills the batch.
    let user = User::new(&test.scheduler);
    let first = test.ask(&[1, 1], &[1]);
    let second = test.ask(&[1, 1], &[2]);
    assert_eq!(test.rows.recv().unwrap(), 2);
    test.go.send(()).unwrap();
    assert_eq!(second.join().unwrap().1, [(vec![1, 1], vec![3])]);
    assert_eq!(first.join().unwrap().1, [(vec![1, 1], vec![2])]);
    // If the second one goes away instead, the first does not wait for it.
    let third = test.ask(&[1, 1], &[3]);
    drop(user);
    assert_eq!(test.rows.recv().unwrap(), 1);
    test.go.send(()).unwrap();
    assert_eq!(third.join().unwrap().0.unwrap(), Answer::Done);
    assert_eq!(test.stats().batches, [2, 1]);
}

#[test]
fn what_is_late_is_dropped_before_it_runs_and_counted() {
    let test = test(1, None, 4, Duration::ZERO);
    let first = test.ask(&[1, 1], &[0]);
    assert_eq!(test.rows.recv().unwrap(), 1);
    let soon = Instant::now() + Duration::from_millis(5);
    let late = test.ask_before(&[1, 1], &[1], Some(soon));
    let in_time = test.ask_before(&[1, 1], &[2], Some(soon + Duration::from_hours(1)));
    // It need not wait for its turn to learn that it has none.
    let (answer, outputs) = late.join().unwrap();
    assert_eq!((answer.unwrap(), outputs), (Answer::Late, Vec::new()));
    (0..2).for_each(|_| test.go.send(()).unwrap());
    assert_eq!(first.join().unwrap().0.unwrap(), Answer::Done);
    assert_eq!(in_time.join().unwrap().0.unwrap(), Answer::Done);
    let stats = test.stats();
    assert_eq!((stats.requests, stats.late, stats.failed), (2, 1, 0));
}

#[test]
fn a_panic_in_the_engine_fails_those_in_the_batch_and_no_others() {
    let test = test(1, None, 4, Duration::ZERO);
    let first = test.ask(&[1, 1], &[0]);
    assert_eq!(test.rows.recv().unwrap(), 1);
    let bad = test.ask(&[1, 1], &[66]);
    let with_it = test.ask(&[1, 1], &[1]);
    let other = test.ask(&[1, 2], &[2, 3]);
    (0..3).for_each(|_| test.go.send(()).unwrap());
    assert_eq!(first.join().unwrap().0.unwrap(), Answer::Done);
    for thread in [bad, with_it] {
        let error = thread.join().unwrap().0.unwrap_err().to_string();
        assert!(error.contains("panicked"), "{error}");
    }
    assert_eq!(other.join().unwrap().1, [(vec![1, 2], vec![3, 4])]);
    assert_eq!(test.stats().failed, 2);
}

#[test]
fn a_bad_request_is_refused_before_it_waits() {
    let test = test(1, None, 4, Duration::ZERO);
    let user = User::new(&test.scheduler);
    for (dimensions, data) in [(&[1, 2][..], &[0][..]), (&[1], &[0]), (&[u32::MAX, 9], &[])] {
        assert!(ask(&user, dimensions, data, None).0.is_err());
    }
    assert_eq!(test.scheduler.requests(), 0);
}
