//! What a process has cost, from `/proc`.

use std::fs;
use std::time::Duration;

use super::Fault;

/// A reading.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time of its threads, user and system.
    pub cpu: Duration,
    /// Memory that is resident, in bytes.
    pub resident: u64,
    /// The most that ever was.
    pub peak: u64,
}

impl Usage {
    /// Reads it for a process that runs.
    ///
    /// # Errors
    /// There is no such process, or the system tells something else.
    pub fn of(pid: u32) -> Result<Self, Fault> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let spent = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += spent.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kilobytes = |name: &str| -> Result<u64, Fault> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("a line is missing")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
        };
        Ok(Self { cpu: Duration::from_nanos(nanoseconds), resident: kilobytes("VmRSS:")?, peak: kilobytes("VmHWM:")? })
    }
}
