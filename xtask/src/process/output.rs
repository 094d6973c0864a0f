//! What a program writes, collected line by line while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The joined output of a program's two streams, in the order in which lines came.
#[derive(Debug)]
pub(crate) struct Output {
    lines: Arc<Mutex<Lines>>,
    open: Vec<Receiver<()>>,
}

#[derive(Debug)]
struct Lines {
    kept: Vec<String>,
    limit: usize,
    dropped: usize,
}

/// Sees each line as it comes.
pub(crate) type Watch = Arc<dyn Fn(&str) + Send + Sync>;

impl Output {
    /// Keeps at most the last `limit` lines.
    pub(crate) fn keeping(limit: usize) -> Self {
        let lines = Lines { kept: Vec::new(), limit, dropped: 0 };
        Self { lines: Arc::new(Mutex::new(lines)), open: Vec::new() }
    }

    /// Collects from `source` in a thread of its own until it ends.
    pub(crate) fn collect(&mut self, source: impl Read + Send + 'static, watch: Option<Watch>) {
        let lines = Arc::clone(&self.lines);
        let (open, closed): (Sender<()>, _) = channel();
        self.open.push(closed);
        std::thread::spawn(move || {
            let _open = open;
            let mut source = BufReader::new(source);
            let mut raw = Vec::new();
            while matches!(source.read_until(b'\n', &mut raw), Ok(1..)) {
                let line = String::from_utf8_lossy(&raw);
                let line = line.trim_end_matches(['\n', '\r']);
                if let Some(watch) = &watch {
                    watch(line);
                }
                lock(&lines).push(line);
                raw.clear();
            }
        });
    }

    /// Waits until both streams have ended, but no longer than `patience`: a daemon that inherited them may keep them open.
    pub(crate) fn settle(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        for closed in &self.open {
            let left = deadline.saturating_duration_since(Instant::now());
            match closed.recv_timeout(left) {
                Ok(()) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The last line that holds something.
    pub(crate) fn latest(&self) -> String {
        let lines = lock(&self.lines);
        let latest = lines.kept.iter().rev().find(|line| !line.trim().is_empty());
        latest.cloned().unwrap_or_default()
    }

    /// Everything that was kept.
    pub(crate) fn text(&self) -> String {
        lock(&self.lines).text()
    }
}

impl Lines {
    fn push(&mut self, line: &str) {
        if self.kept.len() >= self.limit {
            let excess = self.limit / 4 + 1;
            self.kept.drain(..excess.min(self.kept.len()));
            self.dropped += excess;
        }
        self.kept.push(line.to_owned());
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.dropped > 0 {
            text.push_str(&format!("[{} earlier lines left out]\n", self.dropped));
        }
        for line in &self.kept {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    // A reader that died mid-line leaves whole lines behind: they are still worth showing.
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_survive_bytes_that_are_not_text() {
        let mut output = Output::keeping(10);
        output.collect(&b"one\r\ntw\xffo\n\nlast without end"[..], None);
        output.settle(Duration::from_secs(10));
        assert_eq!(output.text(), "one\ntw\u{fffd}o\n\nlast without end\n");
        assert_eq!(output.latest(), "last without end");
    }

    #[test]
    fn a_long_output_keeps_its_end_and_says_what_is_missing() {
        let mut output = Output::keeping(4);
        output.collect(&b"1\n2\n3\n4\n5\n"[..], None);
        output.settle(Duration::from_secs(10));
        assert_eq!(output.text(), "[2 earlier lines left out]\n3\n4\n5\n");
    }
}
