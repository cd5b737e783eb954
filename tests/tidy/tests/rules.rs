//! The rules themselves: what they must catch, and what they must leave alone.

use thalweg_tidy::tree::File;
use thalweg_tidy::{attacks, manifest, rust};

fn source(body: &str) -> Vec<String> {
    rust::check("sfu/x/src/a.rs", &format!("//! A file.\n{body}"))
}

fn lines(count: usize) -> String {
    "    work();\n".repeat(count)
}

#[test]
fn a_file_says_what_it_is() {
    assert_eq!(rust::check("a.rs", "fn main() {}\n").len(), 1);
    assert_eq!(rust::check("a.rs", "//! A file.\nfn main() {}\n"), Vec::<String>::new());
}

#[test]
fn long_functions() {
    let long = |count| format!("pub(crate) fn long(a: u8) -> u8 {{\n{}}}\n", lines(count));
    assert_eq!(source(&long(68)), Vec::<String>::new());
    assert_eq!(source(&long(69)), ["sfu/x/src/a.rs:2: fn long has 71 lines, at most 70"]);
    let method =
        format!("impl A {{\n    async fn m(\n        &self,\n    ) {{\n{}    }}\n}}\n", "        w();\n".repeat(80));
    assert_eq!(source(&method), ["sfu/x/src/a.rs:3: fn m has 84 lines, at most 70"]);
}

#[test]
fn short_functions_in_a_row_and_declarations() {
    let many = "trait T {\n    fn a(&self);\n    fn b(&self) {}\n}\n".to_owned() + &"fn c() {}\n".repeat(100);
    assert_eq!(source(&many), Vec::<String>::new());
}

#[test]
fn long_files_without_their_tests() {
    let code = "const A: u8 = 1;\n".repeat(610);
    assert!(source(&code)[0].contains("lines without tests"));
    let tests = format!("fn a() {{}}\n\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    const A: u8 = 1;\n".repeat(700));
    assert_eq!(source(&tests), Vec::<String>::new());
}

#[test]
fn functions_in_tests_may_be_long() {
    let tests = format!("#[cfg(test)]\nmod tests {{\n    fn t() {{\n{}    }}\n}}\n", "        w();\n".repeat(90));
    assert_eq!(source(&tests), Vec::<String>::new());
}

#[test]
fn names_that_say_nothing() {
    for wrong in
        ["struct RoomManager;", "mod utils;", "pub trait Helper {}", "fn get_room() {}", "enum StreamManager {}"]
    {
        assert_eq!(source(wrong).len(), 1, "{wrong}");
    }
    for right in ["struct Room;", "// a Manager of old", "let text = \"Helper\";", "use other::ConnectionManager;"] {
        assert_eq!(source(right), Vec::<String>::new(), "{right}");
    }
    assert_eq!(rust::check("sfu/x/src/utils.rs", "//! A file.\n").len(), 1);
}

#[test]
fn unsafe_has_one_home() {
    let code = "//! A file.\nfn a() {\n    unsafe { b() }\n}\n";
    assert_eq!(rust::check("sfu/shard/src/a.rs", code), ["sfu/shard/src/a.rs:3: `unsafe` is only for sfu/net/"]);
    assert_eq!(rust::check("sfu/net/src/a.rs", code), Vec::<String>::new());
    let talk =
        "// unsafe {\nconst A: &str = \"unsafe {\";\nconst B: &str = r#\"unsafe { \" }\"#;\n#![forbid(unsafe_code)]\n";
    assert_eq!(source(talk), Vec::<String>::new());
}

#[test]
fn literals_and_lifetimes_do_not_confuse() {
    let code = "fn a<'a>(b: &'a str) -> char {\n    '\"'\n}\nfn c() -> char {\n    '\\''\n}\nmod utils;\n";
    assert_eq!(source(code).len(), 1);
}

#[test]
fn pure_cores() {
    let pure = |code: &str| rust::check_pure("sfu/forward/src/a.rs", code);
    assert_eq!(pure("let now = Instant::now();"), ["sfu/forward/src/a.rs:1: `Instant::now`: the time is an argument"]);
    assert_eq!(pure("use tokio::spawn;").len(), 1);
    assert_eq!(pure("// Instant::now is banned\nfn a(now: Instant) {}"), Vec::<String>::new());
    assert_eq!(
        pure("#[cfg(test)]\nmod tests {\n    fn a() {\n        Instant::now();\n    }\n}\n"),
        Vec::<String>::new()
    );
    assert_eq!(pure("#[cfg(test)]\nmod tests;\nfn a() {\n    SystemTime::now();\n}\n").len(), 1);
    assert_eq!(rust::check_pure("sfu/forward/src/tests.rs", "Instant::now()"), Vec::<String>::new());
}

#[test]
fn edges() {
    let check = |folder, dependency: &str| manifest::check_edges(folder, &format!("[dependencies]\n{dependency}\n"));
    assert_eq!(check("sfu/forward", "wire.workspace = true"), Vec::<String>::new());
    assert_eq!(check("sfu/wire", "door.workspace = true").len(), 1);
    assert_eq!(check("sfu/shard", "net = { path = \"../net\" }").len(), 1);
    assert_eq!(check("signaling/room", "livekit.workspace = true").len(), 1);
    assert_eq!(check("server", "net.workspace = true\nlivekit.workspace = true"), Vec::<String>::new());
    let complaints = check("sfu/forward", "tokio = \"1\"");
    assert!(complaints[0].starts_with("sfu/forward/Cargo.toml:2: only ") && complaints[0].ends_with("may use tokio"));
    assert!(check("sfu/new", "")[0].contains("no row"));
    let table = "[dependencies.net]\nworkspace = true\n";
    assert_eq!(manifest::check_edges("sfu/shard", table).len(), 1);
    let tests = "[dev-dependencies]\nnet.workspace = true\n";
    assert_eq!(manifest::check_edges("sfu/shard", tests), Vec::<String>::new());
}

#[test]
fn captions() {
    let workspace = |member: &str| format!("[workspace]\nmembers = [\n    # House.\n    {member}\n]\n");
    assert_eq!(manifest::check_captions(&workspace("\"a\", # what it is")), Vec::<String>::new());
    assert_eq!(manifest::check_captions(&workspace("\"a\",")).len(), 1);
    assert_eq!(manifest::check_captions(&workspace("\"a/*\", # all")).len(), 1);
    assert_eq!(manifest::folders(&workspace("\"a/b\", # what")), ["a/b"]);
}

#[test]
fn attacks_without_a_test() {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let files = [file("a/b.rs", "fn it_holds_well() {}"), file("tests/e2e/scenarios/it_stands.py", "SOAK")];
    let wrong = |tests: &str| attacks::check(&format!("| 1 a flood | it ends | {tests} |\n"), &files).len();
    for right in ["`a/b.rs` (`it_holds…`)", "`b.rs`", "`…holds_well`", "`it_stands` (`SOAK=1`)"] {
        assert_eq!(wrong(right), 0, "{right}");
    }
    for missing in ["", "with care", "`c.rs`", "`it_falls`", "`it_holds`", "`WALK=1`"] {
        assert_eq!(wrong(missing), 1, "{missing}");
    }
    assert_eq!(
        attacks::check("| 2 a cluster | not spoken | |\n| attack | what comes | tested by |\n", &files).len(),
        0
    );
    assert_eq!(attacks::check("| 3 a flood | `it_holds…` |\n", &files).len(), 1);
}
