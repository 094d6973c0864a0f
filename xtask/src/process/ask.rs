//! Asking a short program for something: a text in, two streams out, each for itself.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{POLL, describe, group};
use crate::failure::{During, Failure, Result};

/// What a program has said. One of the texts may be a secret: it has no `Debug`.
pub(crate) struct Said {
    /// Exit code 0.
    pub(crate) success: bool,
    /// Standard output.
    pub(crate) answer: String,
    /// Standard error.
    pub(crate) complaint: String,
}

/// Gives a program its input and waits for its end. Ctrl-C does not end it: it may be storing what exists nowhere else.
///
/// # Errors
/// When it cannot start, or runs longer than `limit`.
pub(crate) fn ask(command: &mut Command, input: &str, limit: Duration) -> Result<Said> {
    let name = describe(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = group::spawn(command)?;
    let (mut stdin, input) = (child.stdin.take(), input.to_owned());
    // A program that does not read to the end says by its exit code whether that was right.
    thread::spawn(move || stdin.as_mut().map(|pipe| pipe.write_all(input.as_bytes())));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (answer, complaint) = (thread::spawn(move || read(stdout)), thread::spawn(move || read(stderr)));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().during(|| format!("wait for `{name}`"))? {
            break status;
        }
        if started.elapsed() > limit {
            group::end(&mut child);
            return Err(Failure::new(format!("`{name}` did not end within {} s and was stopped", limit.as_secs())));
        }
        thread::sleep(POLL);
    };
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Said { success: status.success(), answer: text(answer), complaint: text(complaint) })
}

fn read(source: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut source) = source {
        // What was read before an error is still worth having.
        let _ = source.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_goes_in_and_the_streams_come_out_apart() {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; echo no >&2; exit 3"]);
        let text = "x".repeat(200_000);
        let said = ask(&mut command, &text, Duration::from_secs(60)).unwrap();
        assert!(!said.success && said.answer == text && said.complaint == "no\n");
    }

    #[test]
    fn a_program_that_reads_nothing_is_no_trouble() {
        let said = ask(&mut Command::new("true"), &"x".repeat(200_000), Duration::from_secs(60)).unwrap();
        assert!(said.success && said.answer.is_empty());
    }
}
