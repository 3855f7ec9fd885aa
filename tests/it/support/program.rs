//! The program itself, as an operator runs it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A folder of a test's own, gone with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("onehop-test-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("a text file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays is the system's to clean up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command to its end.
pub(crate) fn output(arguments: &[&str], folder: &Path) -> Output {
    command(arguments, folder).output().expect("the program runs")
}

/// The same with its standard output elsewhere.
pub(crate) fn output_to(out: impl Into<Stdio>, arguments: &[&str], folder: &Path) -> Output {
    let mut command = command(arguments, folder);
    command.stdout(out).output().expect("the program runs")
}

fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onehop"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// A command that runs until it is told to stop.
pub(crate) struct Program {
    child: Child,
    lines: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    heard: std::sync::mpsc::Receiver<String>,
    /// A pipe that is open and not read any more.
    unread: Option<BufReader<ChildStderr>>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = command(arguments, folder);
        command.envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Starts it with so many files that may be open.
    pub(crate) fn start_with_files(files: u32, arguments: &[&str], folder: &Path) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_onehop"))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null());
        Self::spawn(shell)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = Arc::new(Mutex::new(String::new()));
        let (tell, heard) = std::sync::mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("a pipe")),
            Box::new(child.stderr.take().expect("a pipe")),
        ];
        let readers = outputs
            .into_iter()
            .map(|output| {
                let (lines, tell) = (Arc::clone(&lines), tell.clone());
                thread::spawn(move || {
                    for line in BufReader::new(output).split(b'\n') {
                        let line = String::from_utf8_lossy(&line.expect("a line")).into_owned();
                        let mut all = lines.lock().expect("no panic");
                        all.push_str(&line);
                        all.push('\n');
                        // A test that has heard enough listens no more.
                        let _ = tell.send(line);
                    }
                })
            })
            .collect();
        Self {
            child,
            lines,
            readers,
            heard,
            unread: None,
        }
    }

    /// Starts it, and stops reading what it says behind a line with these words; gives what follows them.
    pub(crate) fn unheard_after(
        words: &str,
        arguments: &[&str],
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> (Self, String) {
        let mut child = command(arguments, folder)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut unread = BufReader::new(child.stderr.take().expect("a pipe"));
        let rest = loop {
            let mut line = String::new();
            assert!(
                unread.read_line(&mut line).expect("a line") > 0,
                "{words:?} was not said"
            );
            if let Some((_, rest)) = line.split_once(words) {
                break to_the_end(rest).to_owned();
            }
        };
        let (_, heard) = std::sync::mpsc::channel();
        let program = Self {
            child,
            lines: Arc::default(),
            readers: Vec::new(),
            heard,
            unread: Some(unread),
        };
        (program, rest)
    }

    /// Waits for the end of a program that is not heard.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(15), "it does not end");
            thread::yield_now();
        }
    }

    /// Waits for a line with these words, and gives what follows them: what is quoted, to its end.
    pub(crate) fn hear(&self, words: &str) -> String {
        loop {
            let line = self.heard.recv_timeout(Duration::from_secs(20));
            let line = line.unwrap_or_else(|_| panic!("{words:?} not in: {}", self.said()));
            if let Some((_, rest)) = line.split_once(words) {
                return to_the_end(rest).to_owned();
            }
        }
    }

    /// Everything on standard output and standard error so far.
    pub(crate) fn said(&self) -> String {
        self.lines.lock().expect("no panic").clone()
    }

    /// The memory that it holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.expect("a line").parse::<u64>().expect("a number") * 1024
    }

    /// How many files it has open.
    pub(crate) fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        files.expect("it runs").count()
    }

    /// The time of processors that it has taken, counted in hundredths of a second.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let behind_name = stat.rsplit(") ").next().expect("a name");
        let ticks = behind_name.split(' ').skip(11).take(2);
        Duration::from_millis(10 * ticks.map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>())
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .expect("a shell");
        assert!(sent.success());
    }

    /// Waits for the end; gives the status and everything that was said.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("an end");
        for reader in self.readers.drain(..) {
            reader.join().expect("no panic");
        }
        (status, self.said())
    }
}

/// Until the text of JSON ends that something stands in.
fn to_the_end(rest: &str) -> &str {
    rest.split('"').next().unwrap_or_default().trim_end()
}

impl Drop for Program {
    fn drop(&mut self) {
        self.unread = None;
        // One that has ended cannot be ended again.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
