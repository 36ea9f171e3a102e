//! systemd on the other side: what a service of `Type=notify` says to it.

use std::collections::VecDeque;

use tokio::net::UnixDatagram;

use super::{
    cable::Cable,
    stage::{PATIENCE, Stage},
};

/// The socket of a supervisor, and what was said to it.
struct Supervisor {
    socket: UnixDatagram,
    said: VecDeque<String>,
}

impl Supervisor {
    fn of(stage: &mut Stage) -> Self {
        let path = stage.home().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let path = path.display().to_string();
        stage.settings.insert("NOTIFY_SOCKET", path);
        Self {
            socket,
            said: VecDeque::new(),
        }
    }

    /// The next line that begins so; what was said before it is passed over.
    async fn hear(&mut self, begin: &str) -> String {
        let heard = async {
            loop {
                while let Some(line) = self.said.pop_front() {
                    if line.starts_with(begin) {
                        return line;
                    }
                }
                let mut bytes = [0; 4096];
                let length = self.socket.recv(&mut bytes).await.unwrap();
                let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
                self.said.extend(text.lines().map(str::to_owned));
            }
        };
        match tokio::time::timeout(PATIENCE, heard).await {
            Ok(line) => line,
            Err(_elapsed) => panic!("never said: {begin}"),
        }
    }

    /// Forgets what was said up to now.
    fn forget(&mut self) {
        self.said.clear();
        let mut bytes = [0; 4096];
        while self.socket.try_recv(&mut bytes).is_ok() {}
    }
}

/// Ready once it is up; fed while the chain is followed, and while no endpoint answers any question, for that is no
/// standstill of ours; and at the end it says that it stops.
#[tokio::test(flavor = "multi_thread")]
async fn the_supervisor_hears_that_it_is_up_gets_on_and_stops() {
    let mut stage = Stage::unlimited().await;
    let mut supervisor = Supervisor::of(&mut stage);
    let cable = Cable::to(&stage.net.url()).await;
    stage.settings.insert("L1_RPC_URLS", cable.url());
    stage
        .settings
        .insert("L1_REQUEST_TIMEOUT", "200ms".to_owned());
    stage.settings.insert("WATCHDOG_USEC", "600000".to_owned());
    stage.start();
    supervisor.hear("READY=1").await;
    supervisor.hear("WATCHDOG=1").await;
    stage.add_keys(0, 1).await;
    let head = stage.net.head().await.unwrap().number;
    stage.hear_of_block(head).await;
    supervisor
        .hear(&format!("STATUS=local: block {head}, at the head"))
        .await;

    cable.hold();
    stage.hear("step failed").await;
    supervisor.forget();
    for _ in 0..5 {
        supervisor.hear("WATCHDOG=1").await;
    }
    let (status, _) = stage.terminate().await;
    assert!(status.success());
    supervisor.hear("STOPPING=1").await;
}
