//! Things of which each runs one inference at a time: lent, and made when all others
//! are busy.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// At most `limit` things.
pub(super) struct Pool<T> {
    limit: usize,
    state: Mutex<State<T>>,
    returned: Condvar,
}

struct State<T> {
    idle: Vec<T>,
    made: usize,
}

impl<T> Pool<T> {
    /// A pool that begins with one.
    pub(super) fn new(first: T, limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::new(State {
                idle: vec![first],
                made: 1,
            }),
            returned: Condvar::new(),
        }
    }

    /// Most that there can be.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Works with an idle one, or one that `make` makes, or the next that comes back.
    pub(super) fn with<R>(
        &self,
        make: impl FnOnce() -> Result<T, String>,
        work: impl FnOnce(&mut T) -> R,
    ) -> Result<R, String> {
        let mut lent = Lent {
            thing: self.idle(),
            pool: self,
            is_sound: false,
        };
        let thing = match &mut lent.thing {
            Some(thing) => thing,
            none => none.insert(make()?),
        };
        let result = work(thing);
        lent.is_sound = true;
        Ok(result)
    }

    /// One that nobody uses; none if another is to be made.
    fn idle(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if let Some(thing) = state.idle.pop() {
                return Some(thing);
            }
            if state.made < self.limit {
                state.made += 1;
                return None;
            }
            state = self
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the pool while somebody works with what is there. What could not be made,
/// or was worked with when a panic came, makes room for another.
struct Lent<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
    is_sound: bool,
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        match self.thing.take().filter(|_| self.is_sound) {
            Some(thing) => state.idle.push(thing),
            None => state.made -= 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_made_while_the_others_are_busy_and_no_more_than_the_limit() {
        let pool = Pool::new(1, 2);
        let inner = pool.with(
            || Ok(0),
            |first| {
                let second = pool.with(|| Ok(2), |second| *second);
                (*first, second)
            },
        );
        assert_eq!(inner, Ok((1, Ok(2))));
        assert_eq!(pool.limit(), 2);
        // Both are there now, and nothing is made.
        let refused = || Err("made a third".to_owned());
        assert!(pool.with(refused, |_| pool.with(refused, |_| ())).is_ok());
    }

    #[test]
    fn a_panic_makes_room_for_another() {
        let pool = Pool::new(1, 1);
        let work = || pool.with(|| Ok(0), |_| assert!(pool.limit() > 1, "on purpose"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err());
        assert_eq!(pool.with(|| Ok(7), |it| *it), Ok(7));
    }

    #[test]
    fn what_cannot_be_made_is_tried_again() {
        let pool = Pool::new(1, 2);
        let refused = || Err("none".to_owned());
        let tried = pool.with(|| Ok(0), |_| pool.with(refused, |_| ()));
        assert_eq!(tried, Ok(Err("none".to_owned())));
        assert_eq!(
            pool.with(|| Ok(0), |_| pool.with(|| Ok(7), |it| *it)),
            Ok(Ok(7))
        );
    }
}
