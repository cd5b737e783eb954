//! One suite for every database: in memory, SQLite in a folder, PostgreSQL.

mod calls;
mod killed;
mod rows;
