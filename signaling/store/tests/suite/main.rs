//! One suite for every database: in memory, SQLite in a folder, PostgreSQL.

mod databases;
mod killed;
mod rows;
mod server;
