//! The platform's side of a function: its Runtime API on loopback, and the function's own program under it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// A running function.
pub(crate) struct Function {
    child: Child,
    events: Option<Sender<String>>,
    posted: Receiver<Posted>,
}

/// What the function posted for one invocation.
#[derive(Debug)]
pub(crate) struct Posted {
    /// The last word of the path: `response` or `error`.
    pub(crate) kind: String,
    /// Whether it was posted as a stream.
    pub(crate) streamed: bool,
    /// Which invocation it says it is for.
    pub(crate) invocation: String,
    /// All of its bytes.
    pub(crate) body: Vec<u8>,
}

impl Posted {
    /// A streamed answer's head, and its body.
    pub(crate) fn parts(&self) -> (Value, &str) {
        let at = self.body.windows(8).position(|bytes| bytes == [0; 8]).expect("a head");
        let head = serde_json::from_slice(&self.body[..at]).expect("JSON");
        (head, std::str::from_utf8(&self.body[at + 8..]).expect("UTF-8"))
    }
}

impl Function {
    /// Starts the program. The first `broken` answers are cut off while they are read.
    pub(crate) fn start(broken: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let ((events, waiting), (post, posted)) = (channel(), channel());
        let (waiting, broken) = (Arc::new(Mutex::new(waiting)), Arc::new(Mutex::new(broken)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (waiting, broken, post) = (Arc::clone(&waiting), Arc::clone(&broken), post.clone());
                thread::spawn(move || converse(stream.ok()?, &waiting, &broken, &post));
            }
        });
        let child = program()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "gateway")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self { child, events: Some(events), posted }
    }

    /// One invocation, to the end of its answer.
    pub(crate) fn invoke(&self, event: &str) -> Posted {
        self.send(event);
        self.posted.recv().expect("an answer")
    }

    /// One invocation.
    pub(crate) fn send(&self, event: &str) {
        self.events.as_ref().and_then(|events| events.send(event.to_owned()).ok()).expect("the function waits");
    }

    /// The Runtime API goes away; whether the program ended well.
    pub(crate) fn end(mut self) -> bool {
        self.events = None;
        self.child.wait().expect("an end").success()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The function's program, without settings.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kiro2api-lambda"));
    program.env_clear();
    program
}

/// One connection, to its end.
fn converse(
    stream: TcpStream,
    waiting: &Mutex<Receiver<String>>,
    broken: &Mutex<usize>,
    post: &Sender<Posted>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let path = lines.first()?.split(' ').nth(1)?.to_owned();
        let header = |name: &str| {
            lines.iter().find_map(|line| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        if path.ends_with("/next") {
            let event = waiting.lock().ok()?.recv().ok()?;
            let head = format!(
                "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 8476a536\r\nlambda-runtime-deadline-ms: \
                 9999999999999\r\nlambda-runtime-invocation-id: try-1\r\ncontent-length: {}\r\n\r\n",
                event.len()
            );
            reader.get_mut().write_all(&[head.as_bytes(), event.as_bytes()].concat()).ok()?;
            continue;
        }
        let mut left = broken.lock().ok()?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        drop(left);
        let body = match header("content-length") {
            Some(length) => {
                let mut body = vec![0; length.parse().ok()?];
                reader.read_exact(&mut body).ok()?;
                body
            }
            None => chunks(&mut reader)?,
        };
        let posted = Posted {
            kind: path.rsplit('/').next()?.to_owned(),
            streamed: header("lambda-runtime-function-response-mode").as_deref() == Some("streaming"),
            invocation: format!("{} {}", path.split('/').nth(4)?, header("lambda-runtime-invocation-id")?),
            body,
        };
        post.send(posted).ok()?;
        reader.get_mut().write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// A chunked body.
fn chunks(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
