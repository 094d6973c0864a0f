//! A reply under way in virtual time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use kiro2api_core::Millis;
use kiro2api_core::host::{Head, Reply, TransportError, TransportFault};

use super::answer::{Answer, Piece};
use super::clock::{Clock, Sleep};
use super::sent::Sent;

/// See [`kiro2api_core::host::Reply`]. When it is dropped, the record says how far it was read.
pub struct Under {
    clock: Clock,
    head: Option<Result<Head, TransportError>>,
    pieces: VecDeque<Piece>,
    /// When the next piece is due.
    due: Millis,
    sleep: Option<Pin<Box<Sleep>>>,
    record: Rc<RefCell<Sent>>,
}

impl Under {
    pub(super) fn new(clock: Clock, answer: Answer, record: Rc<RefCell<Sent>>) -> Self {
        let due = clock.now() + Millis(answer.head_delay);
        Self { clock, head: Some(answer.head), pieces: answer.pieces.into(), due, sleep: None, record }
    }

    /// Ready when the next piece is due.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.due {
            self.sleep = None;
            return Poll::Ready(());
        }
        let (clock, due) = (&self.clock, self.due);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(clock.sleep(due)));
        let polled = sleep.as_mut().poll(cx);
        if polled.is_ready() {
            self.sleep = None;
        }
        polled
    }
}

impl Reply for Under {
    type Chunk = Vec<u8>;

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, TransportError>> {
        if self.wait(cx).is_pending() {
            return Poll::Pending;
        }
        let head = self.head.take().expect("the head is asked for once");
        self.record.borrow_mut().headed = head.is_ok();
        Poll::Ready(head)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, TransportError>> {
        assert!(self.head.is_none(), "a chunk was asked for before the head");
        loop {
            if self.wait(cx).is_pending() {
                return Poll::Pending;
            }
            match self.pieces.pop_front() {
                None => {
                    self.record.borrow_mut().read_out = true;
                    return Poll::Ready(Ok(None));
                }
                Some(Piece::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Piece::Bytes(bytes)) => {
                    self.record.borrow_mut().read += bytes.len();
                    return Poll::Ready(Ok(Some(bytes)));
                }
                Some(Piece::Wait(span)) => self.due = self.due + Millis(span),
                Some(Piece::Stall) => {
                    self.pieces.push_front(Piece::Stall);
                    return Poll::Pending;
                }
                Some(Piece::Break) => {
                    self.record.borrow_mut().read_out = true;
                    let text = "simulated reset".to_owned();
                    return Poll::Ready(Err(TransportError { kind: TransportFault::Broke, text }));
                }
            }
        }
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.record.borrow_mut().dropped = Some(self.clock.now());
    }
}
