//! The two words of an exchange and its driver: what is needed next, and what happened.

use crate::config::Config;
use crate::host::{Head, Millis, Outbound, Saved, StoreError, Stored, TransportError};

/// What an exchange needs next.
#[derive(Debug)]
pub enum Step<'e> {
    /// Read a value of the store.
    Load {
        /// Its key.
        key: &'e str,
    },
    /// Store a value.
    Save {
        /// Its key.
        key: &'e str,
        /// The sealed bytes.
        value: &'e [u8],
        /// The version it replaces.
        expected: Option<&'e str>,
        /// How long it is to be kept at least; `None`: for good.
        lifetime: Option<Millis>,
    },
    /// Remove a value of the store.
    Remove {
        /// Its key.
        key: &'e str,
    },
    /// Read the settings again, where the platform can.
    Settings,
    /// Start a request to the service; an earlier reply is dropped.
    Send(&'e Outbound),
    /// Wait for the reply's head or next chunk, until this time.
    Await {
        /// When to wake.
        until: Millis,
    },
    /// Wait; a reply under way is dropped.
    Sleep {
        /// Until when.
        until: Millis,
    },
    /// Commit the head of a streamed answer.
    Open(&'e Head),
    /// Send bytes of a streamed answer.
    Write(&'e [u8]),
    /// Move the rest with [`Exchange::take_relay`].
    Relay,
    /// Bring [`Exchange::branches`] to their ends side by side, then [`Exchange::join`] them.
    Choices,
    /// Send a complete answer.
    Answer(&'e Head, &'e [u8]),
    /// Nothing: the exchange is over.
    Done,
}

/// What came of reading the settings again.
#[derive(Debug)]
pub enum Fresh {
    /// They cannot change while this instance is there.
    Fixed,
    /// What they are.
    Read(Box<Config>),
    /// They did not come in time.
    Late,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'i> {
    /// The store answered a load.
    Loaded(Result<Option<Stored>, StoreError>),
    /// The store answered a save.
    Saved(Result<Saved, StoreError>),
    /// The store answered a removal.
    Removed(Result<(), StoreError>),
    /// The platform has read its settings again, or not.
    Settings(Fresh),
    /// The request is under way.
    Sent,
    /// The reply's head came.
    Head(&'i Head),
    /// A piece of its body came.
    Chunk(&'i [u8]),
    /// Its body is complete.
    End,
    /// It broke.
    Broke(&'i TransportError),
    /// The time asked for has come.
    Woke,
    /// The client got what was sent.
    Written,
    /// The relay has ended.
    Relayed,
    /// The client hung up.
    Gone,
}
