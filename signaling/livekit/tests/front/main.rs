//! The front from outside: a lobby on a loopback socket, asked as clients ask.

mod node;
mod refusals;
mod signal;
