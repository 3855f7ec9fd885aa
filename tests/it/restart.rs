//! A new edge takes over from an old one, by a shared address or by a supervisor's socket: no visitor is refused.

use std::{
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::{ClickApi, Program, Visitor, click, eventually, one_link, program::Folder};

#[tokio::test]
async fn a_new_one_beside_the_old() {
    let tracker = ClickApi::always(click("1")).await;
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let folder = Folder::new();
    folder.write(
        "onehop.toml",
        one_link(&tracker).replace("127.0.0.1:0", &address.to_string()),
    );
    let old = Program::start(&["run"], folder.path(), &[]);
    old.hear("listening on http://");
    let stop = Arc::new(AtomicBool::new(false));
    let visiting = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            let mut hits = 0;
            while !stop.load(Ordering::SeqCst) {
                assert!(Visitor::new(address).get("/go").await.location().ends_with("=1"));
                hits += 1;
            }
            hits
        }
    });
    let new = Program::start(&["run"], folder.path(), &[]);
    new.hear("another edge listens on");
    new.hear("listening on http://");
    old.signal("TERM");
    assert!(old.wait().0.success());
    for _ in 0..20 {
        Visitor::new(address).get("/go").await.location();
    }
    stop.store(true, Ordering::SeqCst);
    assert!(visiting.await.expect("no hit is lost") > 0);
}

/// An edge that listens at a port twice shares nothing with another.
#[tokio::test]
async fn an_edge_is_no_other_to_itself() {
    let tracker = ClickApi::always(click("1")).await;
    let free = TcpListener::bind("127.0.0.1:0").expect("an address");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let folder = Folder::new();
    let both = format!("\"127.0.0.1:{port}\", \"0.0.0.0:{port}\"");
    folder.write(
        "onehop.toml",
        one_link(&tracker).replace("\"127.0.0.1:0\"", &format!("[{both}]")),
    );
    let edge = Program::start(&["run"], folder.path(), &[]);
    edge.hear("listening on http://0.0.0.0");
    edge.signal("TERM");
    let (status, said) = edge.wait();
    assert!(status.success() && !said.contains("another edge"), "{said}");
}

/// A program with a socket as its third descriptor, as systemd starts it.
fn activated(folder: &Folder, socket: &TcpListener, notify: &str) -> std::process::Child {
    let socket = OwnedFd::from(socket.try_clone().expect("a descriptor"));
    let script = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" run";
    Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_onehop")])
        .env("NOTIFY_SOCKET", notify)
        .current_dir(folder.path())
        .stdin(Stdio::from(socket))
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

#[tokio::test]
async fn a_supervisors_socket_outlives_the_edge() {
    let tracker = ClickApi::always(click("1")).await;
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address: SocketAddr = socket.local_addr().expect("an address");
    let folder = Folder::new();
    folder.write(
        "onehop.toml",
        one_link(&tracker).replace("127.0.0.1:0", &address.to_string()),
    );
    let notify = folder.path().join("notify");
    let notified = UnixDatagram::bind(&notify).expect("a socket");
    notified
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    let said = || {
        let mut bytes = [0; 256];
        let length = notified.recv(&mut bytes).expect("a word in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let notify = notify.to_str().expect("a path").to_owned();
    for _ in 0..2 {
        let mut edge = activated(&folder, &socket, &notify);
        assert!(said().contains("READY=1"));
        assert!(Visitor::new(address).get("/go").await.location().ends_with("=1"));
        folder.write("onehop.toml", folder.read("onehop.toml") + "\n");
        assert!(said().contains("RELOADING=1"));
        assert!(said().contains("READY=1"));
        let killed = Command::new("kill")
            .arg(edge.id().to_string())
            .status()
            .expect("a command");
        assert!(killed.success());
        assert!(said().contains("STOPPING=1"));
        eventually("it ends", async || edge.try_wait().expect("a child").is_some()).await;
        // Who comes now waits for the next one.
        drop(
            tokio::net::TcpStream::connect(address)
                .await
                .expect("the supervisor's backlog"),
        );
    }
}
