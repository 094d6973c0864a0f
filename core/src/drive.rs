//! Performs an exchange's steps on a platform. The only async module of the core; it decides nothing.

mod choices;

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};

use crate::config::Config;
use crate::exchange::relay::{End, Flow, Relay};
use crate::exchange::{Exchange, Fresh, Gateway, Input, Step};
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
/// [`Client::end`] ends the body, and so does dropping it.
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
    /// Everything is said: ends the body at once, although something is still done for later requests. One that may
    /// stop everything as soon as the body has ended leaves it as it is.
    fn end(&mut self) {}
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
        choices::run(host, &mut exchange, client).await;
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
    let (mut gone, mut ended) = (false, false);
    loop {
        if exchange.is_told() && !core::mem::replace(&mut ended, true) {
            client.end();
        }
        let (step, patience, slow) = (exchange.step(), exchange.patience(host.now()), exchange.client_patience());
        let keeps = exchange.is_refreshing() && matches!(step, Step::Answer(..));
        if !keeps && !matches!(step, Step::Await { .. } | Step::Open(_) | Step::Write(_) | Step::Relay) {
            line.reply = None;
        }
        let input = match step {
            Step::Load { key } => Input::Loaded(stored(host, patience, host.load(key)).await),
            Step::Save { key, value, expected, lifetime } => {
                Input::Saved(stored(host, patience, host.save(key, value, expected, lifetime)).await)
            }
            Step::Remove { key } => Input::Removed(stored(host, patience, host.remove(key)).await),
            Step::Settings => Input::Settings(settings(host, patience).await),
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
            Step::Write(bytes) => told(taken(host, slow, client.write(bytes)).await),
            Step::Answer(head, body) => told(taken(host, slow, client.answer(head, body)).await),
            Step::Relay => relay(host, exchange, &mut line, client).await,
            Step::Choices => return Pause::Choices,
            Step::Done => return Pause::Done,
        };
        host.with(|gateway| exchange.on(gateway, input, host.now()));
    }
}

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
            if let Err(gone) = taken(host, relay.patience(), client.write(&out)).await {
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

/// A store call, or an error when it takes too long.
async fn stored<T>(
    clock: &impl Clock,
    until: Millis,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    within(clock, until, call).await.unwrap_or_else(|| Err(StoreError("no answer in time".into())))
}

/// Fresh settings, or word that they take too long.
async fn settings<H: Host>(host: &H, until: Millis) -> Fresh {
    match within(host, until, host.settings()).await {
        Some(Some(config)) => Fresh::Read(Box::new(config)),
        Some(None) => Fresh::Fixed,
        None => Fresh::Late,
    }
}

/// What is said to the client; one that takes nothing until the platform's end is as good as gone.
async fn taken(clock: &impl Clock, until: Millis, say: impl Future<Output = Result<(), Gone>>) -> Result<(), Gone> {
    within(clock, until, say).await.unwrap_or(Err(Gone))
}

/// What comes of a call until then. No timer is made for what is ready at once, or may take for ever.
async fn within<T>(clock: &impl Clock, until: Millis, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    if until == Millis::NEVER {
        return Some(call.await);
    }
    if let Poll::Ready(result) = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
        return Some(result);
    }
    let mut sleep = pin!(clock.sleep(until));
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
    })
    .await
}
