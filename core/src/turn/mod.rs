//! The typed tongue between three client dialects and one upstream: [`Turn`] is what a client wants,
//! [`Delta`] is what the model says. It knows no wire format of either side.

pub mod answer;
pub mod delta;
pub mod demand;
pub mod estimate;
pub mod fit;
pub mod flow;
pub mod request;
pub mod schema;
mod stop;
mod thinking;
mod tools;
pub mod usage;

pub use answer::{Answer, Block, OwnedStop};
pub use delta::{Delta, Open, Stop};
pub use flow::{Ending, Finished, Flow, Progress, Said};
pub use request::{Effort, Format, Image, Message, Part, Role, Thinking, Tool, ToolChoice, ToolKind, Turn};
pub use usage::{Count, Source, Usage};
