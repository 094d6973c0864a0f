//! Actions to an HTTP body, one chunk per write.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::Sleep;

use super::socket::ResetFlag;
use super::state::Guard;
use crate::record::Outcome;
use crate::script::{Action, End};

/// A body that writes, waits and ends as told.
pub(super) struct Streamed {
    actions: VecDeque<Action>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// After each write the body is not ready once, so that the connection flushes what it has.
    flush: bool,
    reset: ResetFlag,
    guard: Guard,
}

impl Streamed {
    pub(super) fn new(actions: Vec<Action>, guard: Guard, reset: ResetFlag) -> Self {
        let mut spaced = VecDeque::with_capacity(actions.len());
        for action in actions {
            if matches!(action, Action::End(End::Reset | End::Drop)) {
                spaced.push_back(Action::Wait(SETTLE_MS));
            }
            spaced.push_back(action);
        }
        Self { actions: spaced, sleep: None, flush: false, reset, guard }
    }

    fn cut(&mut self, end: End) -> Option<Result<Frame<Bytes>, io::Error>> {
        if end == End::Close {
            self.guard.settle(Outcome::Cut);
            return None;
        }
        if end == End::Reset {
            self.reset.set();
        }
        self.guard.settle(Outcome::Cut);
        Some(Err(io::Error::other("cut by the script")))
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        if std::mem::take(&mut body.flush) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if let Some(sleep) = &mut body.sleep {
                std::task::ready!(sleep.as_mut().poll(cx));
                body.sleep = None;
            }
            match body.actions.front() {
                Some(Action::Stall) => return Poll::Pending,
                None => {
                    body.guard.settle(Outcome::Complete);
                    return Poll::Ready(None);
                }
                Some(_) => {}
            }
            match body.actions.pop_front() {
                Some(Action::Write(bytes)) => {
                    body.flush = true;
                    if body.actions.is_empty() {
                        // With a known length the body is not asked again after its last byte.
                        body.guard.settle(Outcome::Complete);
                    }
                    let length = bytes.len();
                    body.guard.update(|record| record.written += length);
                    return Poll::Ready(Some(Ok(Frame::data(Bytes::from(bytes)))));
                }
                Some(Action::Wait(ms)) => body.sleep = Some(Box::pin(tokio::time::sleep(Duration::from_millis(ms)))),
                Some(Action::End(end)) => {
                    body.actions.clear();
                    return Poll::Ready(body.cut(end));
                }
                Some(Action::Stall) | None => {}
            }
        }
    }
}

/// Before a cut the peer gets this long to read what was sent: a reset may overtake data that is still on its way.
const SETTLE_MS: u64 = 20;
