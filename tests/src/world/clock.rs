//! Virtual time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use kiro2api_core::Millis;

/// When every world begins: 2026-11-21 12:00 UTC.
pub const START: Millis = Millis(1_795_262_400_000);

/// The clock of a world; clones show the same time.
#[derive(Clone)]
pub struct Clock(Rc<Face>);

struct Face {
    now: Cell<u64>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    next: Cell<u64>,
}

impl Default for Clock {
    fn default() -> Self {
        Self(Rc::new(Face { now: Cell::new(START.0), timers: RefCell::default(), next: Cell::new(0) }))
    }
}

impl Clock {
    /// The time in this world.
    pub fn now(&self) -> Millis {
        Millis(self.0.now.get())
    }

    /// Milliseconds since [`START`].
    pub fn since_start(&self) -> u64 {
        self.0.now.get() - START.0
    }

    /// Completes at `until`, or at once when that has passed. Its timer goes when it is dropped.
    pub fn sleep(&self, until: Millis) -> Sleep {
        Sleep { clock: self.clone(), until, id: None }
    }

    /// Moves to the nearest timer and wakes it. `false`: there is none.
    pub(super) fn advance(&self) -> bool {
        let Some(at) = self.0.timers.borrow().keys().next().map(|(at, _)| *at) else { return false };
        self.0.now.set(self.0.now.get().max(at));
        loop {
            let due = self
                .0
                .timers
                .borrow_mut()
                .first_entry()
                .filter(|first| first.key().0 <= at)
                .map(|first| first.remove());
            match due {
                Some(waker) => waker.wake(),
                None => return true,
            }
        }
    }

    /// When the nearest timer is due.
    pub(super) fn next_timer(&self) -> Option<Millis> {
        self.0.timers.borrow().keys().next().map(|(at, _)| Millis(*at))
    }

    /// Moves forward though nobody waits for it; never past a timer.
    pub(super) fn set(&self, now: Millis) {
        self.0.now.set(self.0.now.get().max(now.0));
    }
}

/// See [`Clock::sleep`].
pub struct Sleep {
    clock: Clock,
    until: Millis,
    id: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.until {
            return Poll::Ready(());
        }
        if self.until < Millis::NEVER {
            let face = self.clock.0.clone();
            let id = *self.id.get_or_insert_with(|| {
                face.next.set(face.next.get() + 1);
                face.next.get()
            });
            face.timers.borrow_mut().insert((self.until.0, id), cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.clock.0.timers.borrow_mut().remove(&(self.until.0, id));
        }
    }
}
