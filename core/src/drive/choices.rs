//! The choices of one request: exchanges side by side that share one client.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Client, Gone, Host, pump, taken};
use crate::exchange::relay::Relay;
use crate::exchange::{Exchange, Joined, Step};
use crate::host::{Head, Millis};

/// Brings the choices of an exchange to their ends side by side. What they write goes out in turns. While the client
/// takes it they go on until there is no more room, so that a slow client slows all of them and yet leaves no refresh
/// of a login lying about.
pub(super) async fn run<H: Host, C: Client<H>>(host: &H, exchange: &mut Exchange, client: &mut C) {
    let mut branches = match host.with(|gateway| exchange.branches(gateway, host.now())) {
        Ok(branches) => branches,
        Err(error) => return host.with(|gateway| exchange.refuse(gateway, &error, host.now())),
    };
    let stage = Mutex::new(Stage::default());
    let mut joined = Joined { opened: false, gone: false };
    // A choice may go on with the refresh of a login when the client must have its answer.
    let end = exchange.answered_by();
    let mut end = (end != Millis::NEVER).then(|| Box::pin(host.sleep(end)));
    let mut parts: Vec<_> = branches.iter_mut().map(|branch| Box::pin(part(host, branch, &stage))).collect();
    loop {
        let in_time = poll_fn(|cx| {
            joined.gone = joined.gone || client.poll_gone(cx).is_ready();
            if poll_parts(&mut parts, &stage, joined.gone, cx).is_ready() {
                return Poll::Ready(true);
            }
            end.as_mut().map_or(Poll::Pending, |end| end.as_mut().poll(cx).map(|()| false))
        })
        .await;
        if !in_time {
            end = None;
            dismiss(host, exchange, client, &mut joined).await;
            // Nobody hears the choices any more.
            joined.gone = true;
            continue;
        }
        let (head, bytes) = lock(&stage).take();
        let until = exchange.client_patience();
        let mut told = pin!(tell(host, until, client, head.as_ref(), &bytes, &mut joined));
        poll_fn(|cx| {
            let told = told.as_mut().poll(cx);
            if told.is_pending() {
                let _ = poll_parts(&mut parts, &stage, false, cx);
            }
            told
        })
        .await;
        if parts.is_empty() && !lock(&stage).has_something() {
            break;
        }
    }
    drop(parts);
    host.with(|gateway| exchange.join(gateway, branches, joined, host.now()));
}

/// Tells the one client that the platform's end is near.
async fn dismiss<H: Host, C: Client<H>>(host: &H, exchange: &mut Exchange, client: &mut C, joined: &mut Joined) {
    if joined.gone {
        return;
    }
    exchange.dismiss_choices(joined.opened);
    let until = exchange.client_patience();
    let _ = match exchange.step() {
        Step::Write(bytes) => taken(host, until, client.write(bytes)).await,
        Step::Answer(head, body) => taken(host, until, client.answer(head, body)).await,
        _ => Ok(()),
    };
}

/// Tells the one client what the choices have for it.
async fn tell<H: Host, C: Client<H>>(
    host: &H,
    until: Millis,
    client: &mut C,
    head: Option<&Head>,
    bytes: &[u8],
    joined: &mut Joined,
) {
    if let Some(head) = head.filter(|_| !joined.gone) {
        joined.opened = client.open(head).await.is_ok();
        joined.gone |= !joined.opened;
    }
    if !bytes.is_empty() && !joined.gone {
        joined.gone = taken(host, until, client.write(bytes)).await.is_err();
    }
}

/// Gives each choice its turn. Ready when there is something for the client, or nobody is left.
fn poll_parts<F: Future<Output = bool>>(
    parts: &mut Vec<Pin<Box<F>>>,
    stage: &Mutex<Stage>,
    gone: bool,
    cx: &mut Context<'_>,
) -> Poll<()> {
    lock(stage).over |= gone;
    loop {
        let over = lock(stage).over;
        parts.retain_mut(|part| match part.as_mut().poll(cx) {
            Poll::Ready(failed) => {
                lock(stage).over |= failed;
                false
            }
            Poll::Pending => true,
        });
        // Those that had their turn before the failure learn of it now.
        if lock(stage).over == over {
            break;
        }
    }
    if parts.is_empty() || lock(stage).has_something() { Poll::Ready(()) } else { Poll::Pending }
}

/// One choice, to its end; whether it failed.
async fn part<H: Host>(host: &H, branch: &mut Exchange, stage: &Mutex<Stage>) -> bool {
    super::run(host, branch, &mut Part { stage }).await;
    branch.has_failed()
}

/// What the choices have for their one client.
#[derive(Default)]
struct Stage {
    head: Option<Head>,
    headed: bool,
    bytes: Vec<u8>,
    /// The client is gone, or a choice failed: nobody needs the rest.
    over: bool,
}

impl Stage {
    fn take(&mut self) -> (Option<Head>, Vec<u8>) {
        (self.head.take(), core::mem::take(&mut self.bytes))
    }

    fn has_something(&self) -> bool {
        self.head.is_some() || !self.bytes.is_empty()
    }
}

/// A poisoned stage is still a stage: nothing in it can be half done.
fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The client as one choice sees it.
struct Part<'s> {
    stage: &'s Mutex<Stage>,
}

impl<H: Host> Client<H> for Part<'_> {
    /// Taken from the exchange itself when all are over.
    async fn answer(&mut self, _head: &Head, _body: &[u8]) -> Result<(), Gone> {
        Ok(())
    }

    async fn open(&mut self, head: &Head) -> Result<(), Gone> {
        let mut stage = lock(self.stage);
        if !stage.headed {
            stage.headed = true;
            stage.head = Some(head.clone());
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        // Whoever waits for room is polled again when the stage was emptied.
        poll_fn(|_| {
            let mut stage = lock(self.stage);
            if stage.over {
                return Poll::Ready(Err(Gone));
            }
            if stage.bytes.len() > STAGE_ROOM {
                return Poll::Pending;
            }
            stage.bytes.extend_from_slice(bytes);
            Poll::Ready(Ok(()))
        })
        .await
    }

    async fn pump(&mut self, host: &H, relay: Relay, reply: H::Reply) -> (Relay, Result<(), Gone>) {
        pump(host, self, relay, reply).await
    }

    fn poll_gone(&mut self, _cx: &mut Context<'_>) -> Poll<Gone> {
        if lock(self.stage).over { Poll::Ready(Gone) } else { Poll::Pending }
    }
}

/// Bytes of the choices that may wait for the client.
const STAGE_ROOM: usize = 64 * 1024;
