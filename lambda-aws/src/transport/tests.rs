//! Requests over real sockets on loopback; the clock is the test's own.

use core::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn still() -> Millis {
    Millis::mins(1)
}

fn outbound(url: String) -> Outbound {
    let headers = vec![("authorization".into(), "Bearer a-secret".to_owned())];
    Outbound { method: "POST", url, headers, body: b"body".to_vec(), foreign: false }
}

/// A whole reply: its status and body.
async fn whole(mut calling: Calling) -> Result<(u16, Vec<u8>), TransportError> {
    let head = poll_fn(|cx| calling.poll_head(cx)).await?;
    let mut body = Vec::new();
    while let Some(chunk) = poll_fn(|cx| calling.poll_chunk(cx)).await? {
        body.extend_from_slice(&chunk);
    }
    Ok((head.status, body))
}

async fn listener() -> (TcpListener, String, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, format!("http://{address}/path?secret=query"), address)
}

/// Reads one request: its head and its body of four bytes. `false` at the end of the connection.
async fn hear(stream: &mut TcpStream) -> bool {
    let (mut heard, mut buffer) = (Vec::new(), [0; 1024]);
    while !heard.ends_with(b"\r\n\r\nbody") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
        }
    }
    true
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn serve(stream: &mut TcpStream) -> bool {
    let heard = hear(stream).await;
    if heard {
        stream.write_all(OK).await.unwrap();
    }
    heard
}

#[tokio::test]
async fn a_connection_is_kept_until_it_has_lain_idle_too_long_by_the_clock_on_the_wall() {
    static NOW: AtomicU64 = AtomicU64::new(1_000_000);
    let (listener, url, _) = listener().await;
    let network = Network::new(|| Millis(NOW.load(Ordering::Relaxed)));
    let server = tokio::spawn(async move {
        let mut served = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut count = 0;
            while count < 2 && serve(&mut stream).await {
                count += 1;
            }
            served.push((count, stream));
        }
        served.into_iter().map(|(count, _)| count).collect::<Vec<_>>()
    });
    for pause in [0, pools::KEPT_FOR.0, pools::KEPT_FOR.0 + 1, 0] {
        NOW.fetch_add(pause, Ordering::Relaxed);
        assert_eq!(whole(network.send(&outbound(url.clone()))).await.unwrap(), (200, b"ok".to_vec()));
    }
    assert_eq!(server.await.unwrap(), [2, 2]);
}

#[tokio::test]
async fn a_kept_connection_that_the_other_side_has_closed_meanwhile_fails_no_request() {
    let (listener, url, _) = listener().await;
    let network = Network::new(still);
    for _ in 0..20 {
        let first = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            serve(&mut stream).await;
        };
        let (reply, ()) = tokio::join!(whole(network.send(&outbound(url.clone()))), first);
        assert_eq!(reply.unwrap().0, 200);
    }
}

#[tokio::test]
async fn a_request_that_reached_nobody_is_told_from_one_that_broke() {
    let (listener, url, _) = listener().await;
    let network = Network::new(still);
    let cut = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        hear(&mut stream).await;
    };
    let (broke, ()) = tokio::join!(whole(network.send(&outbound(url.clone()))), cut);
    drop(listener);
    let unreachable = whole(network.send(&outbound(url))).await;
    let unknown = whole(network.send(&outbound("http://no-such-name.invalid/?secret".into()))).await;
    let no_url = whole(network.send(&outbound("not a url?secret".into()))).await;
    let kinds = [broke, unreachable, unknown, no_url].map(|result| {
        let error = result.unwrap_err();
        assert!(!error.text.contains("secret"), "{}", error.text);
        error.kind
    });
    assert_eq!(
        kinds,
        [TransportFault::Broke, TransportFault::Connect, TransportFault::Connect, TransportFault::Connect]
    );
}

#[tokio::test]
async fn a_reply_that_is_cut_is_no_clean_end() {
    let (listener, url, _) = listener().await;
    let network = Network::new(still);
    let cut = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        hear(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await.unwrap();
    };
    let (reply, ()) = tokio::join!(whole(network.send(&outbound(url))), cut);
    assert_eq!(reply.unwrap_err().kind, TransportFault::Broke);
}

#[tokio::test]
async fn dropping_a_reply_closes_its_connection() {
    let (listener, url, _) = listener().await;
    let network = Network::new(still);
    let mut calling = network.send(&outbound(url));
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        hear(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").await.unwrap();
        stream
    };
    let (head, mut stream) = tokio::join!(poll_fn(|cx| calling.poll_head(cx)), serve);
    assert_eq!(head.unwrap().status, 200);
    drop(calling);
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (listener, url, address) = listener().await;
    let network = Network::new(still);
    let redirect = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        hear(&mut stream).await;
        let text = format!("HTTP/1.1 302 Found\r\nlocation: http://{address}/x\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
    };
    let (reply, ()) = tokio::join!(whole(network.send(&outbound(url))), redirect);
    assert_eq!(reply.unwrap().0, 302);
}

#[tokio::test]
async fn a_name_that_leads_into_a_private_network_is_refused_when_a_client_chose_it() {
    let (listener, _, address) = listener().await;
    let network = Network::new(still);
    let mut request = outbound(format!("http://localhost:{}/", address.port()));
    request.foreign = true;
    let error = whole(network.send(&request)).await.unwrap_err();
    assert!(error.kind == TransportFault::Connect && error.text.contains("private or reserved"), "{}", error.text);
    // The operator's own choice is followed, and it is the first that arrives.
    request.foreign = false;
    let served = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        serve(&mut stream).await
    };
    let (reply, served) = tokio::join!(whole(network.send(&request)), served);
    assert!(served && reply.unwrap().0 == 200);
}
