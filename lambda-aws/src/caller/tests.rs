//! The answer's way out, polled by hand.

use core::task::Waker;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use http_body_util::BodyExt as _;
use kiro2api_core::drive::drive;
use kiro2api_core::host::Incoming;

use super::*;

fn head(status: u16, headers: &[(&'static str, &str)]) -> Head {
    Head { status, headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect() }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn is_body(_: &(impl http_body::Body<Error = Infallible> + Unpin + Send + 'static)) {}

#[tokio::test]
async fn a_streamed_answer_has_its_head_at_once_and_ends_with_its_caller() {
    let (mut caller, answered) = Caller::new(false);
    caller.open(&head(200, &[("vary", "origin"), ("vary", "accept")])).await.unwrap();
    let (parts, mut body) = answered.await.unwrap().into_parts();
    is_body(&body);
    assert_eq!(parts.headers.get_all("vary").iter().count(), 2);
    caller.write(b"one").await.unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    caller.write(b"two").await.unwrap();
    drop(caller);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_client_that_leaves_wakes_whoever_asked_for_it_and_no_write_succeeds() {
    let (mut caller, answered) = Caller::new(false);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    assert!(caller.poll_gone(&mut cx).is_pending(), "before the head");
    caller.open(&head(200, &[])).await.unwrap();
    let response = answered.await.unwrap();
    assert!(caller.poll_gone(&mut cx).is_pending());
    assert!(caller.poll_gone(&mut cx).is_pending());
    assert_eq!(woken.0.load(Ordering::SeqCst), 0);
    drop(response);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(caller.poll_gone(&mut cx), Poll::Ready(Gone));
    assert_eq!(caller.poll_gone(&mut cx), Poll::Ready(Gone));
    assert_eq!(caller.write(b"late").await, Err(Gone));
}

#[tokio::test]
async fn a_write_waits_for_the_client_and_ends_when_it_leaves() {
    let (mut caller, answered) = Caller::new(false);
    caller.open(&head(200, &[])).await.unwrap();
    let response = answered.await.unwrap();
    caller.write(b"fills the room").await.unwrap();
    let leaves = async {
        tokio::task::yield_now().await;
        drop(response);
    };
    assert_eq!(tokio::join!(caller.write(b"waits"), leaves).0, Err(Gone));
}

#[tokio::test]
async fn a_head_request_gets_the_head_and_an_answer_that_cannot_be_sent_none() {
    let (mut caller, answered) = Caller::new(true);
    caller.answer(&head(200, &[("x", "y")]), b"body").await.unwrap();
    drop(caller);
    assert!(answered.await.unwrap().into_body().frame().await.is_none());
    for wrong in [head(200, &[("a b", "c")]), head(200, &[("a", "b\nc")]), head(99, &[])] {
        let (mut caller, answered) = Caller::new(false);
        assert_eq!(caller.answer(&wrong, b"body").await, Err(Gone));
        drop(caller);
        assert!(answered.await.is_err());
    }
    let (parts, body) = no_answer().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!((parts.status.as_u16(), body), (500, NO_ANSWER.into()));
}

/// An exchange may move between threads, choices side by side included: what `drive` holds across its awaits is all
/// `Send` with this host.
#[test]
fn an_exchange_may_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: T) {}
    fn compiles(host: &Environment, incoming: Incoming, caller: &mut Caller) {
        is_send(drive(host, incoming, caller));
    }
    let _ = compiles;
}
