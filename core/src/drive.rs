//! Performs an exchange's steps on a platform. The only async file of the core; it decides nothing.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::exchange::relay::{End, Flow, Relay};
use crate::exchange::{Exchange, Fresh, Gateway, Input, Joined, Step, settings};
use crate::host::{Clock, Entropy, Head, Incoming, Millis, Reply, StoreError, TokenStore, Transport, TransportError};

/// A platform: its clock, randomness, store and network, and where the shared state lives.
pub trait Host: Clock + Entropy + TokenStore + Transport {
    /// Lends the state that all exchanges of this instance share. Never held across an await.
    fn with<T>(&self, use_it: impl FnOnce(&mut Gateway) -> T) -> T;
    /// Prints one line of JSON.
    fn log(&self, line: &str);
    /// Reads the settings again where they can have changed since the start. What cannot be read is told by
    /// [`Config::unread`]. `None`: they cannot change under a running instance, and this is not asked again.
    fn settings(&self) -> impl Future<Output = Option<Config>> {
        core::future::ready(None)
    }
}

/// The client's end of one exchange: either one [`Client::answer`], or [`Client::open`] and then bytes.
/// Dropping it ends the body.
pub trait Client<H: Host> {
    /// Sends a complete answer.
    fn answer(&mut self, head: &Head, body: &[u8]) -> impl Future<Output = Result<(), Gone>>;
    /// Commits the head of a streamed answer.
    fn open(&mut self, head: &Head) -> impl Future<Output = Result<(), Gone>>;
    /// Sends bytes of a streamed answer; completes when there is room for more.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Gone>>;
    /// Moves the rest of an answer from the service to the client, in the platform's cheapest way, and gives
    /// the relay back. [`pump`] is the plain way.
    fn pump(&mut self, host: &H, relay: Relay, reply: H::Reply) -> impl Future<Output = (Relay, Result<(), Gone>)>;
    /// Ready when the client has hung up while nothing is being sent to it. A platform that tells only a failed
    /// write leaves it as it is.
    fn poll_gone(&mut self, _cx: &mut Context<'_>) -> Poll<Gone> {
        Poll::Pending
    }
}

/// The client hung up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// Runs one request to its end: answer, saves and log line included. Dropping the future cancels whatever is
/// under way.
pub async fn drive<H: Host, C: Client<H>>(host: &H, incoming: Incoming, client: &mut C) {
    let mut seed = [0; 32];
    host.fill(&mut seed);
    let mut exchange = host.with(|gateway| {
        gateway.store_compares(host.compares());
        Exchange::begin(gateway, incoming, host.now(), seed)
    });
    while run(host, &mut exchange, client).await == Pause::Choices {
        choices(host, &mut exchange, client).await;
    }
    for entry in exchange.log(host.now()) {
        host.log(&entry);
    }
}

/// Why [`run`] came back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    Done,
    Choices,
}

/// Performs steps until the exchange is over or wants its choices side by side.
async fn run<H: Host, C: Client<H>>(host: &H, exchange: &mut Exchange, client: &mut C) -> Pause {
    let mut line = Line { reply: None, headed: false };
    let mut gone = false;
    loop {
        let step = exchange.step();
        if !matches!(step, Step::Await { .. } | Step::Open(_) | Step::Write(_) | Step::Relay) {
            line.reply = None;
        }
        let input = match step {
            Step::Load { key } => Input::Loaded(within(host, host.load(key)).await),
            Step::Save { key, value, expected, lifetime } => {
                Input::Saved(within(host, host.save(key, value, expected, lifetime)).await)
            }
            Step::Remove { key } => Input::Removed(within(host, host.remove(key)).await),
            Step::Settings => Input::Settings(settings(host).await),
            // Nothing is begun, and paid for, for a client that is gone.
            Step::Send(_) if !gone && is_gone::<H, C>(client).await => {
                gone = true;
                Input::Gone
            }
            Step::Send(request) => {
                line = Line { reply: Some(host.send(request)), headed: false };
                Input::Sent
            }
            Step::Await { until } => {
                let heard = line.next(host, client, &mut gone, until).await;
                host.with(|gateway| exchange.on(gateway, heard.as_input(), host.now()));
                continue;
            }
            Step::Sleep { until } => match unless_gone(client, &mut gone, host.sleep(until)).await {
                Ok(()) => Input::Woke,
                Err(Gone) => Input::Gone,
            },
            Step::Open(head) => told(client.open(head).await),
            Step::Write(bytes) => told(client.write(bytes).await),
            Step::Answer(head, body) => told(client.answer(head, body).await),
            Step::Relay => relay(host, exchange, &mut line, client).await,
            Step::Choices => return Pause::Choices,
            Step::Done => return Pause::Done,
        };
        host.with(|gateway| exchange.on(gateway, input, host.now()));
    }
}

/// Brings the choices of an exchange to their ends side by side. What they write goes out in turns. While the client
/// takes it they go on until there is no more room, so that a slow client slows all of them and yet leaves no refresh
/// of a login lying about.
async fn choices<H: Host, C: Client<H>>(host: &H, exchange: &mut Exchange, client: &mut C) {
    let mut branches = match host.with(|gateway| exchange.branches(gateway, host.now())) {
        Ok(branches) => branches,
        Err(error) => return host.with(|gateway| exchange.refuse(gateway, &error, host.now())),
    };
    let stage = Mutex::new(Stage::default());
    let mut joined = Joined { opened: false, gone: false };
    let mut parts: Vec<_> = branches.iter_mut().map(|branch| Box::pin(part(host, branch, &stage))).collect();
    loop {
        poll_fn(|cx| {
            joined.gone = joined.gone || client.poll_gone(cx).is_ready();
            poll_parts(&mut parts, &stage, joined.gone, cx)
        })
        .await;
        let (head, bytes) = lock(&stage).take();
        let mut told = pin!(tell::<H, C>(client, head.as_ref(), &bytes, &mut joined));
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

/// Tells the one client what the choices have for it.
async fn tell<H: Host, C: Client<H>>(client: &mut C, head: Option<&Head>, bytes: &[u8], joined: &mut Joined) {
    if let Some(head) = head {
        joined.opened = client.open(head).await.is_ok();
        joined.gone |= !joined.opened;
    }
    if !bytes.is_empty() && !joined.gone {
        joined.gone = client.write(bytes).await.is_err();
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
    run(host, branch, &mut Part { stage }).await;
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

/// Moves the rest of an answer chunk by chunk, and gives the relay back. `Err` when the client hung up; the
/// service's reply is dropped with it.
pub async fn pump<H: Host, C: Client<H>>(
    host: &H,
    client: &mut C,
    mut relay: Relay,
    reply: H::Reply,
) -> (Relay, Result<(), Gone>) {
    let mut line = Line { reply: Some(reply), headed: true };
    let (mut out, mut gone) = (Vec::new(), false);
    loop {
        let heard = line.next(host, client, &mut gone, relay.next_tick()).await;
        let flow = match &heard {
            Heard::Chunk(chunk) => relay.push(chunk.as_ref(), host.now(), &mut out),
            Heard::Woke => relay.tick(host.now(), &mut out),
            Heard::End => closed(&mut relay, &End::Clean, &mut out),
            Heard::Broke(error) => closed(&mut relay, &End::Broke(error.clone()), &mut out),
            Heard::Head(_) => Flow::More,
            Heard::Gone => return (relay, Err(Gone)),
        };
        if !out.is_empty() {
            if let Err(gone) = client.write(&out).await {
                return (relay, Err(gone));
            }
            out.clear();
        }
        if flow == Flow::Done {
            return (relay, Ok(()));
        }
    }
}

async fn relay<H: Host, C: Client<H>>(
    host: &H,
    exchange: &mut Exchange,
    line: &mut Line<H::Reply>,
    client: &mut C,
) -> Input<'static> {
    let (Some(relay), Some(reply)) = (exchange.take_relay(), line.reply.take()) else { return Input::Relayed };
    let (relay, result) = client.pump(host, relay, reply).await;
    exchange.give_back(relay);
    match result {
        Ok(()) => Input::Relayed,
        Err(Gone) => Input::Gone,
    }
}

fn closed(relay: &mut Relay, end: &End, out: &mut Vec<u8>) -> Flow {
    relay.finish(end, out);
    Flow::Done
}

fn told(result: Result<(), Gone>) -> Input<'static> {
    match result {
        Ok(()) => Input::Written,
        Err(Gone) => Input::Gone,
    }
}

/// A reply under way, and whether its head has come.
struct Line<R> {
    reply: Option<R>,
    headed: bool,
}

enum Heard<C> {
    Head(Head),
    Chunk(C),
    End,
    Broke(TransportError),
    Woke,
    Gone,
}

impl<C: AsRef<[u8]>> Heard<C> {
    fn as_input(&self) -> Input<'_> {
        match self {
            Self::Head(head) => Input::Head(head),
            Self::Chunk(chunk) => Input::Chunk(chunk.as_ref()),
            Self::End => Input::End,
            Self::Broke(error) => Input::Broke(error),
            Self::Woke => Input::Woke,
            Self::Gone => Input::Gone,
        }
    }
}

impl<R: Reply> Line<R> {
    /// The next thing the reply says, `Woke` at `until`, or `Gone`. Loses nothing when it wakes.
    async fn next<H: Host, C: Client<H>>(
        &mut self,
        host: &H,
        client: &mut C,
        gone: &mut bool,
        until: Millis,
    ) -> Heard<R::Chunk> {
        let mut sleep = pin!(host.sleep(until));
        let first = poll_fn(|cx| match self.poll(cx) {
            Poll::Ready(heard) => Poll::Ready(heard),
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| Heard::Woke),
        });
        unless_gone(client, gone, first).await.unwrap_or(Heard::Gone)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Heard<R::Chunk>> {
        let Some(reply) = &mut self.reply else { return Poll::Ready(Heard::End) };
        if self.headed {
            return reply.poll_chunk(cx).map(|chunk| match chunk {
                Ok(Some(chunk)) => Heard::Chunk(chunk),
                Ok(None) => Heard::End,
                Err(error) => Heard::Broke(error),
            });
        }
        reply.poll_head(cx).map(|head| match head {
            Ok(head) => {
                self.headed = true;
                Heard::Head(head)
            }
            Err(error) => Heard::Broke(error),
        })
    }
}

/// Whether the client has hung up by now.
async fn is_gone<H: Host, C: Client<H>>(client: &mut C) -> bool {
    poll_fn(|cx| Poll::Ready(client.poll_gone(cx).is_ready())).await
}

/// Waits for `work` unless the client hangs up first. That is told once: what the exchange still does afterwards
/// is waited for.
async fn unless_gone<H: Host, C: Client<H>, T>(
    client: &mut C,
    gone: &mut bool,
    work: impl Future<Output = T>,
) -> Result<T, Gone> {
    let mut work = pin!(work);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending if *gone => Poll::Pending,
        Poll::Pending => client.poll_gone(cx).map(|departure| {
            *gone = true;
            Err(departure)
        }),
    })
    .await
}

/// A store call, or an error when it takes too long: an outage must not stop the answer.
async fn within<T>(clock: &impl Clock, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut sleep = pin!(clock.sleep(clock.now() + STORE_DEADLINE));
    let mut call = pin!(call);
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| Err(StoreError("no answer in time".into()))),
    })
    .await
}

/// Fresh settings, or word that they take too long.
async fn settings<H: Host>(host: &H) -> Fresh {
    let mut sleep = pin!(host.sleep(host.now() + settings::WITHIN));
    let mut call = pin!(host.settings());
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(Some(config)) => Poll::Ready(Fresh::Read(Box::new(config))),
        Poll::Ready(None) => Poll::Ready(Fresh::Fixed),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| Fresh::Late),
    })
    .await
}

/// How long the store may take.
const STORE_DEADLINE: Millis = Millis::secs(5);
