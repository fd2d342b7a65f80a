//! Requests to an element from outside of the stream, served between two buffers.
//!
//! An element's lock is held while what it sent is handed on, and so nearly always in a
//! chain that ends in a synchronised sink. Whoever holds it serves the requests of others
//! when the next buffer comes; an element at rest is served by who asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;

use super::component::ComponentNode;
use super::runner::{Look, Runner};
use crate::element::failure::Failure;
use crate::element::instance::now;

/// Requests that wait for one element: more come from somebody who does not look at the
/// answers.
const MAX_REQUESTS: usize = 256;
/// Between two looks at an element's lock.
const STEP: Duration = Duration::from_millis(2);

/// Done if true; else it is asked again at the next boundary.
type Request = Box<dyn FnMut(&ComponentNode, &mut Runner) -> bool + Send>;

/// Requests that wait.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// Whether there are any, to be read with every buffer.
    is_full: AtomicBool,
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    last: u64,
    waiting: Vec<(u64, Request)>,
}

impl Mailbox {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request and returns its number; none if too many wait.
    fn add(&self, request: Request) -> Option<u64> {
        let mut requests = self.requests();
        if requests.waiting.len() >= MAX_REQUESTS {
            return None;
        }
        requests.last += 1;
        let id = requests.last;
        requests.waiting.push((id, request));
        self.is_full.store(true, Ordering::Release);
        Some(id)
    }

    fn remove(&self, id: u64) {
        self.requests().waiting.retain(|(other, _)| *other != id);
    }
}

impl ComponentNode {
    /// Locks the element for work, and serves who asked for something meanwhile.
    pub(super) fn enter(&self) -> MutexGuard<'_, Runner> {
        let mut runner = self.lock();
        if self.mailbox.is_full.load(Ordering::Acquire) {
            self.serve(&mut runner);
        }
        if let Some((failure, during)) = runner.broken.take() {
            self.fail(&mut runner, &failure, during);
        }
        runner
    }

    fn serve(&self, runner: &mut Runner) {
        let mut waiting = {
            let mut requests = self.mailbox.requests();
            self.mailbox.is_full.store(false, Ordering::Release);
            std::mem::take(&mut requests.waiting)
        };
        waiting.retain_mut(|(_, request)| !request(self, runner));
        if !waiting.is_empty() {
            let mut requests = self.mailbox.requests();
            waiting.append(&mut requests.waiting);
            requests.waiting = waiting;
            self.mailbox.is_full.store(true, Ordering::Release);
        }
        self.publish(runner);
    }

    /// An instance broke while it was asked for something. The stream's thread does what
    /// the policy says when it comes by: handing the end of a stream on takes a stack that
    /// only those threads have.
    pub(super) fn note_broken(runner: &mut Runner, failure: &Failure, during: &'static str) {
        runner.drop_instance();
        runner.broken = Some((failure.clone(), during));
    }

    /// Notes what the element is now, for who looks while it is busy.
    pub(super) fn publish(&self, runner: &Runner) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = runner.look();
    }

    /// What the element is now, or was when its present call began.
    pub(super) fn look(&self) -> Look {
        if let Ok(runner) = self.runner.try_lock() {
            self.publish(&runner);
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// Has something done between two buffers and waits for it, at most so long. The
    /// request is asked again until it answers; none: it has not, and is forgotten.
    pub(super) fn ask<R: Send + 'static>(
        &self,
        limit: Duration,
        request: impl FnMut(&Self, &mut Runner) -> Option<R> + Send + 'static,
    ) -> Option<R> {
        self.post(limit, request, false)
    }

    /// The same, but what has not been done in time is done later.
    pub(super) fn ask_for_later<R: Send + 'static>(
        &self,
        limit: Duration,
        request: impl FnMut(&Self, &mut Runner) -> Option<R> + Send + 'static,
    ) -> Option<R> {
        self.post(limit, request, true)
    }

    fn post<R: Send + 'static>(
        &self,
        limit: Duration,
        mut request: impl FnMut(&Self, &mut Runner) -> Option<R> + Send + 'static,
        is_lasting: bool,
    ) -> Option<R> {
        let (sender, answers) = bounded(1);
        // Held while it is served: what is given up has been done, or never will be.
        let given_up = Arc::new(Mutex::new(false));
        let is_given_up = given_up.clone();
        let id = self.mailbox.add(Box::new(move |node, runner| {
            let is_given_up = is_given_up.lock().unwrap_or_else(PoisonError::into_inner);
            if *is_given_up {
                return true;
            }
            let Some(answer) = request(node, runner) else {
                return false;
            };
            // Who does not wait any more knows that it is done later.
            drop(sender.try_send(answer));
            true
        }))?;
        let began: Instant = now();
        loop {
            match self.runner.try_lock() {
                Ok(mut runner) => self.serve(&mut runner),
                Err(TryLockError::Poisoned(poisoned)) => self.serve(&mut poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
            if let Ok(answer) = answers.recv_timeout(STEP) {
                return Some(answer);
            }
            if began.elapsed() >= limit {
                if !is_lasting {
                    *given_up.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    self.mailbox.remove(id);
                }
                // It may have been served at the last moment.
                return answers.try_recv().ok();
            }
        }
    }
}
