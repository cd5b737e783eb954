//! PostgreSQL: one connection that writes, one that reads, each owned by a task that connects anew when it is lost.
//!
//! The writing connection holds an advisory lock, so that one server owns one database. PostgreSQL itself answers a commit
//! only when it is on disk (`synchronous_commit` is its default and is not touched here).

use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement};

use crate::store::{COMMIT_TIMEOUT, Counters};
use crate::tls::Tls;
use crate::value::{Change, Row, Value};
use crate::work::{self, Commit, Query, ROWS_MAX, Work};
use crate::{OpenError, StoreError, schema};

/// Names the lock among other programs' in the same database: "thalweg" in ASCII.
const LOCK: i64 = 0x74_6861_6c77_6567;
/// How long a killed server's lock may linger until the database notices.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed try to connect the next is so long in coming; what is asked meanwhile fails at once.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// Distance of the tries to get the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Connects, brings the tables up to date and starts both tasks.
pub(crate) async fn spawn(
    url: &str,
    tls: Option<Arc<rustls::ClientConfig>>,
    mut writes: Receiver<Work>,
    mut reads: Receiver<Work>,
    counters: Arc<Counters>,
) -> Result<(), OpenError> {
    let mut config = Config::from_str(url).map_err(|error| OpenError::ConfigUrl(words(&error)))?;
    config.connect_timeout(CONNECT_TIMEOUT).application_name("thalweg");
    let mut writer = Line::new(config.clone(), tls.clone(), true);
    let mut reader = Line::new(config, tls, false);
    migrate(&writer.open().await?.client).await?;
    reader.open().await?;
    let counts = Arc::clone(&counters);
    tokio::spawn(async move {
        let mut next = None;
        loop {
            let Some(work) = (match next.take() {
                Some(work) => Some(work),
                None => writes.recv().await,
            }) else {
                break;
            };
            match work {
                Work::Query(query) => writer.answer(query, &counts).await,
                Work::Commit(first) => {
                    let (commits, query) = work::group(first, &mut writes);
                    writer.carry_out(commits, &counts).await;
                    next = query.map(Work::Query);
                }
            }
        }
    });
    tokio::spawn(async move {
        while let Some(work) = reads.recv().await {
            match work {
                Work::Query(query) => reader.answer(query, &counters).await,
                Work::Commit(commit) => commit.answer(Err(StoreError::IoRefused("this task only reads".into()))),
            }
        }
    });
    Ok(())
}

/// A connection that comes back.
struct Line {
    config: Config,
    tls: Option<Arc<rustls::ClientConfig>>,
    locks: bool,
    session: Option<Session>,
    failed: Option<Instant>,
}

/// A connection that is there.
struct Session {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl Line {
    fn new(config: Config, tls: Option<Arc<rustls::ClientConfig>>, locks: bool) -> Self {
        Self { config, tls, locks, session: None, failed: None }
    }

    /// A new connection, with the lock if this line takes it.
    async fn open(&mut self) -> Result<&mut Session, OpenError> {
        let unreachable = |error: &tokio_postgres::Error| OpenError::IoDatabase(words(error));
        let client = match (&self.tls, self.config.get_ssl_mode()) {
            (Some(tls), SslMode::Require) => {
                let (client, connection) =
                    self.config.connect(Tls(Arc::clone(tls))).await.map_err(|error| unreachable(&error))?;
                tokio::spawn(connection);
                client
            }
            (None, SslMode::Require) => return Err(OpenError::IoDatabase("no certificate authority is known".into())),
            _ => {
                let mut config = self.config.clone();
                let plain = config.ssl_mode(SslMode::Disable).connect(NoTls).await;
                let (client, connection) = plain.map_err(|error| unreachable(&error))?;
                tokio::spawn(connection);
                client
            }
        };
        if self.locks {
            self.lock(&client).await?;
        }
        Ok(self.session.insert(Session { client, statements: HashMap::new() }))
    }

    async fn lock(&self, client: &Client) -> Result<(), OpenError> {
        let end = Instant::now() + LOCK_PATIENCE;
        loop {
            let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await;
            match row.and_then(|row| row.try_get(0)) {
                Ok(true) => return Ok(()),
                Ok(false) if Instant::now() < end => sleep(LOCK_INTERVAL).await,
                Ok(false) => return Err(OpenError::ConfigInUse("the database".into())),
                Err(error) => return Err(OpenError::IoDatabase(words(&error))),
            }
        }
    }

    /// The connection, made anew when it is lost, but not in every moment.
    async fn session(&mut self) -> Result<&mut Session, StoreError> {
        if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
            self.session = None;
        }
        if self.session.is_none() {
            if self.failed.is_some_and(|failed| failed.elapsed() < RETRY_INTERVAL) {
                return Err(StoreError::IoUnavailable("the connection is lost and not back yet".into()));
            }
            if let Err(error) = self.open().await {
                tracing::error!(%error, "the store cannot reach its database");
                self.failed = Some(Instant::now());
                return Err(StoreError::IoUnavailable(error.to_string()));
            }
            self.failed = None;
        }
        self.session.as_mut().ok_or_else(|| StoreError::IoUnavailable("no connection".into()))
    }

    async fn carry_out(&mut self, commits: Vec<Commit>, counters: &Counters) {
        let mut results = Vec::with_capacity(commits.len());
        let whole = match self.session().await {
            Ok(session) => within(session.group(&commits, &mut results)).await,
            Err(error) => Err(error),
        };
        match whole {
            Ok(()) => {
                counters.groups.fetch_add(1, Ordering::Relaxed);
                for (commit, result) in commits.into_iter().zip(results) {
                    counters.commits.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
                    commit.answer(result);
                }
            }
            Err(error) => {
                // A connection in doubt is not used again: its transaction ends with it.
                self.session = None;
                commits.into_iter().for_each(|commit| commit.answer(Err(error.clone())));
            }
        }
    }

    async fn answer(&mut self, query: Query, counters: &Counters) {
        let found = match self.session().await {
            Ok(session) => within(session.find(&query)).await,
            Err(error) => Err(error),
        };
        if matches!(found, Err(StoreError::IoUnavailable(_))) {
            self.session = None;
        }
        counters.queries.fetch_add(u64::from(found.is_ok()), Ordering::Relaxed);
        query.answer(found);
    }
}

impl Session {
    async fn group(&mut self, commits: &[Commit], results: &mut Vec<work::Touched>) -> Result<(), StoreError> {
        self.run("BEGIN").await?;
        for commit in commits {
            self.run("SAVEPOINT one").await?;
            let touched = self.change(&commit.changes).await;
            match &touched {
                Ok(_) => self.run("RELEASE one").await?,
                Err(StoreError::IoUnavailable(_)) => return touched.map(drop),
                Err(_) => self.run("ROLLBACK TO one; RELEASE one").await?,
            }
            results.push(touched);
        }
        self.run("COMMIT").await
    }

    async fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.client.batch_execute(sql).await.map_err(|error| StoreError::IoUnavailable(words(&error)))
    }

    async fn change(&mut self, changes: &[Change]) -> work::Touched {
        let mut touched = Vec::with_capacity(changes.len());
        for change in changes {
            let statement = self.statement(change.sql).await?;
            let rows = self.client.execute_raw(&statement, &change.values).await.map_err(|error| failure(&error))?;
            if change.must_touch && rows == 0 {
                return Err(StoreError::Conflict);
            }
            touched.push(rows);
        }
        Ok(touched)
    }

    async fn find(&mut self, query: &Query) -> work::Found {
        let statement = self.statement(query.sql).await?;
        let values: Vec<&(dyn ToSql + Sync)> = query.values.iter().map(|value| value as _).collect();
        let rows = self.client.query(&statement, &values).await.map_err(|error| failure(&error))?;
        let row = |row: &tokio_postgres::Row| {
            let values = (0..row.len()).map(|column| row.try_get::<_, Value>(column));
            values.collect::<Result<_, _>>().map(Row).map_err(|error| failure(&error))
        };
        rows.iter().take(ROWS_MAX).map(row).collect()
    }

    /// Prepares a statement the first time. The texts are the program's own, so that there are not many.
    async fn statement(&mut self, sql: &'static str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&schema::for_postgres(sql)).await.map_err(|error| failure(&error))?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

async fn within<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::IoUnavailable(format!("no answer within {} s", COMMIT_TIMEOUT.as_secs()));
    timeout(COMMIT_TIMEOUT, work).await.map_err(late)?
}

async fn migrate(client: &Client) -> Result<(), OpenError> {
    let failed = |error: tokio_postgres::Error| OpenError::IoDatabase(words(&error));
    client.batch_execute(schema::VERSION_TABLE).await.map_err(failed)?;
    let row = client.query_opt(schema::VERSION, &[]).await.map_err(failed)?;
    let version = row.map_or(Ok(0), |row| row.try_get(0)).map_err(failed)?;
    let newer = OpenError::ConfigNewer { found: version, known: schema::newest() };
    for (step, number) in schema::missing(version).ok_or(newer)?.iter().zip(version + 1..) {
        let text = format!("BEGIN; {} {}; COMMIT", schema::for_postgres(step), schema::set_version(number));
        client.batch_execute(&text).await.map_err(failed)?;
    }
    Ok(())
}

fn failure(error: &tokio_postgres::Error) -> StoreError {
    match error.code() {
        // Class 23: a constraint is violated.
        Some(code) if code.code().starts_with("23") => StoreError::Conflict,
        // Classes 53, 57, 58 and XX: the server's own troubles.
        Some(code) if ["53", "57", "58", "XX"].iter().any(|class| code.code().starts_with(class)) => {
            StoreError::IoUnavailable(words(error))
        }
        Some(_) => StoreError::IoRefused(words(error)),
        None if error.is_closed() => StoreError::IoUnavailable(words(error)),
        None => match error.source().is_some_and(|source| source.is::<std::io::Error>()) {
            true => StoreError::IoUnavailable(words(error)),
            false => StoreError::IoRefused(words(error)),
        },
    }
}

/// What the library says, with its cause.
fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(database) => format!("{}: {}", database.severity(), database.message()),
        None => error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
    }
}

impl ToSql for Value {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *of == Type::INT4 => i32::try_from(*number)?.to_sql(of, out),
            Self::Int(number) if *of == Type::INT8 => number.to_sql(of, out),
            Self::Text(text) if <String as ToSql>::accepts(of) => text.to_sql(of, out),
            Self::Bytes(bytes) if <Vec<u8> as ToSql>::accepts(of) => bytes.to_sql(of, out),
            _ => Err(Box::new(WrongType(of.clone()))),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *of {
            Type::INT4 => i32::from_sql(of, raw).map(|number| Self::Int(number.into())),
            Type::INT8 => i64::from_sql(of, raw).map(Self::Int),
            Type::BYTEA => Vec::from_sql(of, raw).map(Self::Bytes),
            _ => String::from_sql(of, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::INT4 | Type::INT8 | Type::BYTEA) || <String as FromSql<'_>>::accepts(of)
    }
}

/// A value does not fit its column; the value itself is not shown.
#[derive(Debug)]
struct WrongType(Type);

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of another type than {}", self.0)
    }
}

impl std::error::Error for WrongType {}
