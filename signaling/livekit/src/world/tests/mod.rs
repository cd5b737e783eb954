//! Scripted clients against one world, in memory.

mod chaos;
mod client;
mod data;
mod dual;
mod leaks;
mod ledger;
mod resume;
mod rights;
mod room_life;
mod scene;
mod single;
mod speakers;
