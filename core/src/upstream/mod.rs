//! The service behind: request bodies from a [`Turn`](crate::turn::Turn), events and faults from its
//! replies, its hosts and its logins. It knows no client dialect.
