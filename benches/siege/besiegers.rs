//! Those who do not behave: they take places, say little, or have the edge work in vain.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};

use super::{
    HANDSHAKES, IDLE, SLOW,
    visitors::{Who, hit},
};

/// So many at a time come in.
const AT_A_TIME: usize = 16;

/// Besieges the edge in this way until the process is ended.
pub(crate) async fn besiege(way: &str, edge: SocketAddr) {
    match way {
        "idle" => idle(edge).await,
        "slow" => slow(edge).await,
        "handshakes" => handshakes(edge).await,
        other => panic!("no way to besiege: {other}"),
    }
}

fn address(of: u8, number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, of, u8::try_from(number % 40 + 1).expect("small"))
}

fn ready() {
    println!("ready");
}

/// Connections that stay after one request, and are opened anew when they are closed.
async fn idle(edge: SocketAddr) {
    let (turns, inside) = (Arc::new(Semaphore::new(AT_A_TIME)), Arc::new(Semaphore::new(0)));
    let who = Who::default();
    for number in 0..IDLE {
        let (who, turns, inside) = (who.clone(), Arc::clone(&turns), Arc::clone(&inside));
        tokio::spawn(async move {
            loop {
                let turn = turns.acquire().await.expect("it stays");
                let connection = who.connect(edge, address(1, number)).await;
                let Ok(mut connection) = connection else { continue };
                if hit(&mut connection).await.is_err() {
                    continue;
                }
                drop(turn);
                inside.add_permits(1);
                // Until the edge closes it.
                let _ = connection.read(&mut [0; 16]).await;
            }
        });
    }
    let all = inside.acquire_many(u32::try_from(IDLE).expect("small")).await;
    drop(all);
    ready();
    std::future::pending::<()>().await;
}

/// A byte a second: of a hello, of a head within TLS, or of the answers to many requests.
async fn slow(edge: SocketAddr) {
    let who = Who::default();
    for number in 0..SLOW {
        let who = who.clone();
        tokio::spawn(async move {
            let from = address(2, number);
            loop {
                // How it ends is the edge's.
                let _ = match number % 3 {
                    0 => slow_hello(edge, from).await,
                    1 => slow_head(&who, edge, from).await,
                    _ => slow_reader(&who, edge, from).await,
                };
                sleep(Duration::from_millis(100)).await;
            }
        });
        // Over as long as the edge bears with one, so that they do not come again all at once.
        sleep(Duration::from_secs(10) / u32::try_from(SLOW).expect("small")).await;
    }
    ready();
    std::future::pending::<()>().await;
}

async fn connect(edge: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(edge).await
}

async fn slow_hello(edge: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = connect(edge, from).await?;
    for byte in hello() {
        stream.write_all(&[byte]).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

async fn slow_head(who: &Who, edge: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut connection = who.connect(edge, from).await?;
    connection.write_all(b"GET /go HTTP/1.1\r\nx: ").await?;
    loop {
        connection.write_all(b"x").await?;
        connection.flush().await?;
        sleep(Duration::from_secs(1)).await;
    }
}

async fn slow_reader(who: &Who, edge: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let mut connection = who.connect(edge, from).await?;
    let requests = b"GET /none HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    // It takes as much as it takes.
    let _ = timeout(Duration::from_secs(1), connection.write_all(&requests)).await;
    loop {
        if connection.read(&mut [0]).await? == 0 {
            return Ok(());
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// The first flight of a client; the same one is good for any number of handshakes that nobody ends.
fn hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("it fits");
    hello
}

/// Handshakes that end once the edge has done its part.
async fn handshakes(edge: SocketAddr) {
    let hello: Arc<[u8]> = hello().into();
    let at_a_time = Arc::new(Semaphore::new(2_000));
    let mut running = JoinSet::new();
    let mut every = interval(Duration::from_millis(1));
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ready();
    loop {
        every.tick().await;
        for _ in 0..HANDSHAKES / 1_000 {
            let Ok(turn) = Arc::clone(&at_a_time).try_acquire_owned() else {
                continue;
            };
            let hello = Arc::clone(&hello);
            running.spawn(async move {
                let shake = async {
                    let mut stream = connect(edge, address(5, fastrand::usize(..))).await?;
                    stream.write_all(&hello).await?;
                    stream.read(&mut [0; 64]).await
                };
                // What becomes of it is the edge's.
                let _ = timeout(Duration::from_secs(15), shake).await;
                drop(turn);
            });
        }
        while running.try_join_next().is_some() {}
    }
}
