//! The table for people and the file for machines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::measure::Row;
use crate::suite::Fault;

/// Prints the head of a suite's table: facts that hold on any machine first, times last.
pub(crate) fn head(out: &mut impl Write, suite: &str, unit: &str) -> io::Result<()> {
    writeln!(out, "\n{suite}")?;
    writeln!(
        out,
        "  {:>8}  {:<28} {:>13} {:>13} {:>9} {:>12}",
        "chunk",
        "way",
        format!("alloc/{unit}"),
        format!("bytes/{unit}"),
        "÷ limit",
        format!("ns/{unit}")
    )
}

/// Prints one line of the table.
pub(crate) fn line(out: &mut impl Write, row: &Row) -> io::Result<()> {
    let allocations = row.allocations_per_unit.map_or_else(|| "-".to_owned(), |count| format!("{count:.3}"));
    writeln!(
        out,
        "  {:>8}  {:<28} {allocations:>13} {:>13.1} {:>9.2} {:>12.1}",
        row.chunk, row.way, row.bytes_per_unit, row.ratio_to_limit, row.ns_per_unit
    )
}

/// Writes all rows as a JSON array.
pub(crate) fn save(rows: &[Row], path: &Path) -> Result<(), Fault> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, rows)?;
    writeln!(file)?;
    file.flush()?;
    Ok(())
}
