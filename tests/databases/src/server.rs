//! A PostgreSQL server of our own, from Debian's packages, on loopback.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

/// Where Debian puts the programs, below the version.
const HOME: &str = "/usr/lib/postgresql";
/// Set by `./test`: without PostgreSQL the suite fails in place of being shorter.
const NEEDED: &str = "THALWEG_TEST_POSTGRES";
/// The server's life: PostgreSQL refuses to run as root, and SIGINT is its fast end.
const LIFE: &str = r#"
    "$1/initdb" --no-sync --auth=trust --username=thalweg --encoding=UTF8 --no-locale -D "$2/data" > "$2/log" 2>&1 &&
    "$1/postgres" -D "$2/data" -h 127.0.0.1 -p "$3" -c fsync=off -c unix_socket_directories= >> "$2/log" 2>&1 &
    trap '' INT TERM
    cat > /dev/null
    kill -s INT "$(head -n 1 "$2/data/postmaster.pid")"
    wait
    rm -rf "$2"
"#;
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server with an empty cluster in a temporary folder. It ends with the test process.
pub struct Server {
    port: u16,
    folder: PathBuf,
    /// Its standard input closes with this process, and that stops the server.
    _child: Child,
}

impl Server {
    /// The one server of this process, `None` where PostgreSQL is not installed.
    pub fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| programs().map(Self::start)).as_ref();
        let needed = std::env::var_os(NEEDED).is_some();
        assert!(server.is_some() || !needed, "PostgreSQL is not installed: apt-get install postgresql");
        server
    }

    fn start(programs: PathBuf) -> Self {
        let folder = std::env::temp_dir().join(format!("thalweg-postgres-{}", std::process::id()));
        fs::create_dir(&folder).expect("the folder is new");
        let root = is_root();
        if root {
            assert!(Command::new("chown").arg("postgres").arg(&folder).status().expect("chown runs").success());
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let mut command = Command::new(if root { "runuser" } else { "env" });
        if root {
            command.args(["-u", "postgres", "--"]);
        }
        command.args(["sh", "-c", LIFE, "sh"]).arg(programs).arg(&folder).arg(port.to_string());
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { port, _child: command.spawn().expect("a shell runs"), folder }
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://thalweg@127.0.0.1:{}/{database}", self.port)
    }

    /// Asks the server anything, as soon as it runs.
    pub async fn say(&self, sql: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            match tokio_postgres::connect(&self.url("postgres"), NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
                }
                Err(error) => assert!(Instant::now() < end, "no PostgreSQL: {error}; {}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Cuts every connection to a database, as a failing network would.
    pub async fn cut(&self, url: &str) {
        let database = url.rsplit_once('/').expect("a URL").1;
        self.say(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")).await;
    }

    /// The URL of a new database.
    pub async fn fresh_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.say(&format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// The newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(HOME).ok()?.filter_map(Result::ok);
    let newest = versions.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0))?;
    Some(newest.path().join("bin")).filter(|folder| folder.join("initdb").exists())
}

fn is_root() -> bool {
    fs::metadata(Path::new("/proc/self")).is_ok_and(|process| process.uid() == 0)
}
