//! The least that a miss can take: a server on the edge's runtime for one core that reads nothing of a request, asks the tracker
//! the same thing each time, reads nothing of its answer either, and gives the same answer to each visitor. It serves one connection
//! at a time.
//!
//!     relay PORT TRACKER_PORT CALL ANSWER

use std::{env, io};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "relay PORT TRACKER_PORT CALL ANSWER";
    let [_, port, tracker, call, answer]: [String; 5] =
        env::args().collect::<Vec<_>>().try_into().map_err(|_| usage)?;
    let (port, tracker): (u16, u16) = (port.parse()?, tracker.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serving = async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (visitor, _) = listener.accept().await?;
            serve(visitor, tracker, call.as_bytes(), answer.as_bytes()).await?;
        }
    };
    let ended: io::Result<()> = runtime.block_on(serving);
    Ok(ended?)
}

async fn serve(mut visitor: TcpStream, tracker: u16, call: &[u8], answer: &[u8]) -> io::Result<()> {
    let mut tracker = TcpStream::connect(("127.0.0.1", tracker)).await?;
    tracker.set_nodelay(true)?;
    visitor.set_nodelay(true)?;
    let mut bytes = [0; 4096];
    while visitor.read(&mut bytes).await? > 0 {
        tracker.write_all(call).await?;
        if tracker.read(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        visitor.write_all(answer).await?;
    }
    Ok(())
}
