//! The front from outside: a lobby on a loopback socket, asked as clients ask.

mod api;
mod api_attacks;
mod api_forward;
mod api_ingress;
mod api_people;
mod node;
mod refusals;
mod signal;
