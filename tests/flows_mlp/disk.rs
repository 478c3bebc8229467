//! A disk that is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use groma::base::{GpsTime, LocationEstimate, SetId, Utc};
use groma::store::{Change, Pending, Shelf, Shelved, SkyRecord, SledStore, Store, StoreError};

use super::house::{House, Setup, msids, results};

/// A store that can be read, and written as long as there is room.
pub(super) struct Disk {
    pub(super) disk: SledStore,
    pub(super) full: Arc<AtomicBool>,
}

impl Disk {
    /// The write, unless the disk is full.
    fn write<T: Send + 'static>(&self, write: impl FnOnce(&SledStore) -> Pending<T>) -> Pending<T> {
        if self.full.load(Ordering::Relaxed) {
            let source = Arc::new(std::io::ErrorKind::StorageFull.into());
            let error = StoreError::Io { path: "store".into(), source };
            return Pending::new(std::future::ready(Err(error)));
        }
        write(&self.disk)
    }
}

impl Store for Disk {
    fn put_sky(&self, records: Vec<SkyRecord>) -> Pending<()> {
        self.write(|d| d.put_sky(records))
    }
    fn load_sky(&self, at: GpsTime) -> Pending<Vec<SkyRecord>> {
        self.disk.load_sky(at)
    }
    fn purge_sky(&self, before: GpsTime) -> Pending<usize> {
        self.write(|d| d.purge_sky(before))
    }
    fn put_position(&self, target: &SetId, estimate: LocationEstimate) -> Pending<()> {
        self.write(|d| d.put_position(target, estimate))
    }
    fn last_position(&self, target: &SetId) -> Pending<Option<LocationEstimate>> {
        self.disk.last_position(target)
    }
    fn positions(&self, target: &SetId, max: usize) -> Pending<Vec<LocationEstimate>> {
        self.disk.positions(target, max)
    }
    fn forget(&self, target: &SetId) -> Pending<usize> {
        self.write(|d| d.forget(target))
    }
    fn purge_positions(&self, before: Utc) -> Pending<usize> {
        self.write(|d| d.purge_positions(before))
    }
    fn change(&self, changes: Vec<Change>) -> Pending<()> {
        self.write(|d| d.change(changes))
    }
    fn read_shelf(&self, shelf: Shelf, key: &[u8]) -> Pending<Option<Vec<u8>>> {
        self.disk.read_shelf(shelf, key)
    }
    fn list_shelf(&self, shelf: Shelf, after: Option<&[u8]>, max: usize) -> Pending<Vec<Shelved>> {
        self.disk.list_shelf(shelf, after, max)
    }
}

/// What needs no disk is served; what would have to be kept is refused, so that nothing is promised that would be lost; and
/// once there is room again, everything is as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() {
    let setup = Setup::default();
    let full = Arc::clone(&setup.full);
    let house = House::with(setup).await;
    let immediate = format!("<slir>{}</slir>", msids(&[1]));
    let emergency = format!("<eme_lir>{}</eme_lir>", msids(&[2]));
    let later = format!("<slir res_type=\"ASYNC\">{}</slir>", msids(&[3]));
    let periodic =
        format!("<tlrr>{}<interval>00000001</interval><duration>00000100</duration></tlrr>", msids(&[4]));
    for disk_is_full in [true, false] {
        full.store(disk_is_full, Ordering::Relaxed);
        let answer = house.service("tracker", "3.4.0", &immediate).await;
        assert!(answer.contains("<pd>"), "{answer}");
        let answer = house.service("psap", "3.4.0", &emergency).await;
        assert!(answer.contains("<pd>"), "{answer}");
        for kept in [&later, &periodic] {
            let answer = house.service("tracker", "3.4.0", kept).await;
            if disk_is_full {
                assert_eq!(results(&answer), [1], "SYSTEM FAILURE: {answer}");
                assert!(!answer.contains("<req_id>"), "nothing is promised: {answer}");
            } else {
                assert!(answer.contains("<req_id>"), "{answer}");
            }
        }
        assert!(!disk_is_full || house.no_report().await);
    }
    house.report().await;
    house.close().await;
}
