//! The typed tongue between three client dialects and one upstream: [`Turn`] is what a client wants,
//! [`Delta`] is what the model says. It knows no wire format of either side.

pub mod answer;
pub mod delta;
pub mod estimate;
pub mod flow;
pub mod request;
pub mod usage;

pub use delta::{Delta, Open, Stop};
pub use request::{Effort, Image, Message, Part, Role, Thinking, Tool, ToolChoice, ToolKind, Turn};
pub use usage::{Count, Source, Usage};
