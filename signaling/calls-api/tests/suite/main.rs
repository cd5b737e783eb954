//! The API over HTTP, with rooms that only note what they are told, on every store that it may be kept in.

/// Makes each test two: on SQLite, and on PostgreSQL where that is installed.
macro_rules! on_each_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::world::Base::Sqlite).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    if databases::Server::shared().is_some() {
                        super::$name(crate::world::Base::Postgres).await;
                    }
                }
            )*
        }
    };
}

mod figures;
mod flows;
mod matrix;
mod sockets;
mod trouble;
mod world;
