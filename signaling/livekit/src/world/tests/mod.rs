//! Scripted clients against one world, in memory.

mod admin;
mod backup;
mod bandwidth;
mod chaos;
mod client;
mod data;
mod data_tracks;
mod dual;
mod fed;
mod forward;
mod leaks;
mod ledger;
mod live;
mod matrix;
mod once;
mod quality;
mod recovery;
mod resume;
mod rights;
mod room_life;
mod scene;
mod simulate;
mod single;
mod speakers;
