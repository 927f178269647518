use super::*;

/// Keeps what it is told, one line each.
#[derive(Debug, Default)]
struct Told {
    lines: std::sync::Mutex<Vec<(String, Instant)>>,
    /// Whether bytes may be left out, and how often they were.
    may_cut: bool,
    cuts: std::sync::atomic::AtomicUsize,
}

impl Observed for Told {
    fn read(&self, passed: Passed<'_>, at: Instant) {
        let line = match passed {
            Passed::ClientData(bytes) if bytes.len() > 9 => format!("client {}", bytes.len()),
            Passed::ClientData(bytes) => format!("client {}", bytes.escape_ascii()),
            Passed::ServerData(bytes) => format!("server {}", bytes.escape_ascii()),
            Passed::ResponseHead(head) => format!("head {}", head.status.code),
            other => format!("{other:?}"),
        };
        self.lines.lock().unwrap().push((line, at));
    }

    fn cut(&self, _: &Passed<'_>) -> bool {
        self.cuts
            .fetch_add(usize::from(self.may_cut), std::sync::atomic::Ordering::Relaxed);
        self.may_cut
    }
}

impl Told {
    fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|(line, _)| line.clone())
            .collect()
    }
}

fn backlog() -> Backlog {
    Backlog::new(Arc::default())
}

fn head(status: u16) -> Passed<'static> {
    Passed::ResponseHead(ResponseHead {
        status: status.into(),
        session_id: None,
        content: crate::wire::headers::Content::Json,
        user: None,
        tenant: None,
    })
}

#[test]
fn what_passes_is_read_in_its_order_and_with_its_time() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    let begin = Instant::now();
    backlog.write(&told, Passed::ClientData(b"ask"));
    backlog.write(&told, Passed::ClientData(b""));
    backlog.write(&told, Passed::ClientGap(7, Gap::Opaque));
    backlog.write(&told, head(200));
    backlog.write(&told, Passed::ServerData(b"ans"));
    backlog.write(&told, Passed::ServerData(b"wer"));
    backlog.write(&told, Passed::ServerGap(8, Gap::Opaque));
    backlog.write(&told, head(404));
    backlog.write(&told, Passed::ClientEnd);
    backlog.write(&told, Passed::End(End::Dropped));
    let end = Instant::now();
    assert_eq!(told.lines(), [""; 0], "nobody has read it yet");
    assert!(backlog.catch_up());
    let expected = [
        "client ask",
        "ClientGap(7, Opaque)",
        "head 200",
        "server ans",
        "server wer",
        "ServerGap(8, Opaque)",
        "head 404",
        "ClientEnd",
        "End(Dropped)",
    ];
    assert_eq!(told.lines(), expected);
    let times: Vec<_> = told.lines.lock().unwrap().iter().map(|(_, at)| *at).collect();
    assert!(times.is_sorted() && begin <= times[0] && times[8] <= end);
    assert!(!backlog.catch_up(), "all is read");
}

#[test]
fn a_long_piece_is_read_where_it_is_and_behind_what_waits() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    let long = vec![b' '; COPIED + 1];
    backlog.write(&told, Passed::ClientData(b"short"));
    backlog.write(&told, Passed::ClientData(&long));
    let expected = ["client short".to_owned(), format!("client {}", long.len())];
    assert_eq!(told.lines(), expected);
    assert_eq!(backlog.steps(), 0);
    // While others read it is copied, and where there is more to be read before.
    let busy = backlog.busy();
    backlog.write(&told, Passed::ClientData(&long));
    drop(busy);
    (1..FEW.steps).for_each(|_| backlog.write(&told, Passed::ClientEnd));
    backlog.write(&told, Passed::ClientData(&long));
    assert_eq!(told.lines(), expected);
    backlog.catch_up();
    assert_eq!(told.lines().len(), 2 + FEW.steps + 1);
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn whoever_writes_too_much_reads_more_than_that() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    (1..TOO_MUCH.steps).for_each(|_| backlog.write(&told, Passed::ClientEnd));
    assert_eq!(told.lines(), [""; 0]);
    backlog.write(&told, Passed::ClientData(b"last"));
    assert_eq!(told.lines().len(), PORTION.steps);
    // What is left comes before what is written then.
    backlog.write(&told, Passed::End(End::Complete));
    backlog.catch_up();
    let lines = told.lines();
    assert_eq!(lines.len(), TOO_MUCH.steps + 1);
    assert_eq!(lines[TOO_MUCH.steps - 1..], ["client last", "End(Complete)"]);
}

#[test]
fn whoever_writes_too_many_bytes_reads_a_little_more_than_those_of_a_piece() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    let piece = [b' '; COPIED];
    (0..TOO_MUCH.bytes / COPIED).for_each(|_| backlog.write(&told, Passed::ClientData(&piece)));
    assert_eq!(told.lines().len(), PORTION.bytes / COPIED);
    backlog.catch_up();
    assert_eq!(told.lines().len(), TOO_MUCH.bytes / COPIED);
}

#[test]
fn a_piece_for_which_there_is_no_room_is_read_where_it_is_unless_others_read() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    (0..FEW.steps).for_each(|_| backlog.write(&told, Passed::ClientEnd));
    backlog.write(&told, Passed::ClientData(&vec![b' '; MOST.bytes]));
    assert_eq!(told.lines().len(), FEW.steps + 1);
}

#[test]
fn who_leaves_the_rest_to_others_leaves_it_in_its_order() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    let write = |pieces: [&[u8]; 2]| {
        pieces
            .into_iter()
            .for_each(|piece| backlog.write(&told, Passed::ClientData(piece)));
    };
    write([b"1", b"2"]);
    let mut most = 1..=1;
    assert!(backlog.catch_up_while(&mut || most.next().is_some()));
    write([b"3", b"4"]);
    assert!(backlog.catch_up_while(&mut || false), "there is more");
    assert_eq!(told.lines(), ["client 1"]);
    let mut most = 1..=2;
    backlog.catch_up_while(&mut || most.next().is_some());
    assert_eq!(told.lines(), ["client 1", "client 2", "client 3"]);
    backlog.catch_up();
    assert_eq!(told.lines(), ["client 1", "client 2", "client 3", "client 4"]);
}

#[test]
fn where_nobody_comes_to_read_all_is_read_at_once() {
    let (backlog, told) = (backlog(), Arc::<Told>::default());
    backlog.write(&told, Passed::ClientEnd);
    backlog.read_at_once();
    backlog.catch_up();
    assert_eq!(told.lines().len(), 1);
    backlog.write(&told, Passed::ClientEnd);
    assert_eq!(told.lines().len(), 2);
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn beyond_all_room_bytes_are_left_out_and_nothing_else() {
    let told = Arc::new(Told {
        may_cut: true,
        ..Told::default()
    });
    let backlog = backlog();
    let busy = backlog.busy();
    let piece = [b' '; COPIED];
    let fit = MOST.bytes / COPIED - 1;
    (0..fit).for_each(|_| backlog.write(&told, Passed::ClientData(&piece)));
    assert!(!backlog.is_full());
    (0..3).for_each(|_| backlog.write(&told, Passed::ClientData(&piece)));
    backlog.write(&told, head(200));
    assert!(backlog.is_full(), "there is no room for another exchange");
    drop(busy);
    backlog.catch_up();
    assert_eq!(told.cuts.load(std::sync::atomic::Ordering::Relaxed), 3);
    let (lines, gap) = (told.lines(), "ClientGap(32768, NoRoom)");
    assert_eq!(lines.len(), fit + 4);
    assert_eq!(lines[fit..], [gap, gap, gap, "head 200"]);
    assert!(!backlog.is_full());
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn what_cannot_be_cut_is_read_as_well() {
    let told = Arc::<Told>::default();
    let backlog = Arc::new(backlog());
    let busy = backlog.busy();
    (0..MOST.steps).for_each(|_| backlog.write(&told, Passed::ClientEnd));
    let writer = std::thread::spawn({
        let (backlog, told) = (backlog.clone(), told.clone());
        move || backlog.write(&told, Passed::ClientData(b"line"))
    });
    assert_eq!(told.lines(), [""; 0]);
    drop(busy);
    writer.join().unwrap();
    backlog.catch_up();
    let lines = told.lines();
    assert_eq!(lines.len(), MOST.steps + 1);
    assert_eq!(lines.last().unwrap(), "client line");
}
