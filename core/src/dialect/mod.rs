//! The clients' dialects: each decodes a body into a [`Turn`](crate::turn::Turn) and encodes
//! [`Delta`](crate::turn::Delta)s and errors. None knows the upstream.
