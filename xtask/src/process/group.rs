//! Process groups: everything a child started ends with it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::failure::{During, Result};

/// Starts a program as the leader of a process group of its own, out of reach of the terminal's Ctrl-C.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    command.process_group(0).spawn().during(|| format!("start `{}`", command.get_program().to_string_lossy()))
}

/// Ends the group of `child`: politely, and after [`GRACE`] by force. Returns when the leader is gone.
pub(crate) fn end(child: &mut Child) {
    end_within(child, GRACE);
}

fn end_within(child: &mut Child, grace: Duration) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    let started = Instant::now();
    // Errors mean that the group is gone already, which is what is wanted.
    let _ = kill_process_group(group, Signal::TERM);
    while started.elapsed() < grace {
        let leader_gone = !matches!(child.try_wait(), Ok(None));
        if leader_gone && test_kill_process_group(group).is_err() {
            return;
        }
        // Orphans nobody reaps would keep a group alive for ever: they are not waited for as long as a leader is.
        if leader_gone && started.elapsed() > ORPHAN_GRACE {
            break;
        }
        std::thread::sleep(POLL);
    }
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
}

const GRACE: Duration = Duration::from_secs(8);
const ORPHAN_GRACE: Duration = Duration::from_millis(1500);
const POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    #[test]
    fn a_grandchild_ends_with_its_group() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped());
        let mut child = spawn(&mut command).unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        assert!(rustix::process::test_kill_process(grandchild).is_ok());
        end(&mut child);
        assert!(child.try_wait().unwrap().is_some());
        assert!(is_gone(line.trim()), "the grandchild {line} still runs");
    }

    #[test]
    fn a_child_that_ignores_the_polite_signal_is_ended_by_force() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"]).stdout(Stdio::piped());
        let mut child = spawn(&mut command).unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        end_within(&mut child, Duration::from_millis(200));
        assert!(child.try_wait().unwrap().is_some());
    }

    /// Gone, or a zombie that nobody has reaped yet.
    fn is_gone(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    }
}
