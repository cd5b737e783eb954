//! One suite for every database: in memory, SQLite in a folder, PostgreSQL.

mod calls;
mod databases;
mod killed;
mod rows;
mod server;
