//! Questions to a server on loopback: does it listen, and what does it answer?

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::process::{Service, interrupt};
use crate::progress::Step;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Asks loopback's `port` and reads the whole answer.
pub(crate) fn get(port: u16, path: &str) -> io::Result<Answer> {
    ask(port, &format!("GET {path}"), &[], "")
}

/// Sends a body to loopback's `port` and reads the whole answer.
pub(crate) fn post(port: u16, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    ask(port, &format!("POST {path}"), headers, body)
}

fn ask(port: u16, line: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = format!("{line} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // Not every server closes the connection when it is asked to.
    while !is_whole(&answer) {
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    read(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// Whether the answer has come to its end, as far as it says where that is.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    match field("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => body.len() >= length,
        None => field("transfer-encoding") == Some("chunked") && body.ends_with("0\r\n\r\n"),
    }
}

/// A whole answer; a chunked body keeps the lengths of its chunks.
fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

/// Does anybody listen on loopback's `port`?
pub(crate) fn accepts(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

/// Waits until a program that was just started listens on loopback's `port`.
pub(crate) fn await_listener(port: u16, service: &mut Service, step: &mut Step) -> Result<()> {
    let started = Instant::now();
    while !accepts(port) {
        interrupt::check()?;
        service.check()?;
        if started.elapsed() > START_LIMIT {
            let limit = START_LIMIT.as_secs();
            let output = service.recent_output();
            return Err(Failure::new(format!("{} did not listen within {limit} s", service.name())).with_output(output));
        }
        step.tick(&service.latest());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(2);
const START_LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn status_and_body_are_read_from_a_real_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\nbody") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy").unwrap();
            // It stays open until the other side closes it.
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            String::from_utf8(request).unwrap()
        });
        let answer = post(port, "/health", &[("x-a", "b")], "body").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "busy"));
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /health HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nx-a: b\r\n") && request.contains("\r\ncontent-length: 4\r\n"), "{request}");
        assert!(get(port, "/health").is_err(), "nobody listens any more");
        assert!(!accepts(port));
    }

    #[test]
    fn an_answer_ends_where_it_says() {
        for (text, whole) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbus", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbusy", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\nuntil the end", false),
            ("HTTP/1.1 200 OK\r\n", false),
        ] {
            assert_eq!(is_whole(text.as_bytes()), whole, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_http_has_no_status() {
        assert!(read("SSH-2.0-abcd\r\n\r\n").is_none());
        assert!(read("HTTP/1.1 200 OK\r\n").is_none(), "the head may not be whole yet");
    }
}
