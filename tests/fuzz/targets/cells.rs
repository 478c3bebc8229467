//! Tables of cells and access points, plain or gzip: whatever the file, an import ends with a report or an error, and
//! the table that it writes opens.

#![no_main]

use groma::base::Utc;
use groma::cells::{ImportOptions, Table, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, table) = (folder.path().join("cells.csv"), folder.path().join("cells.table"));
    std::fs::write(&file, bytes).expect("room for the file");
    let options = ImportOptions { memory: 1 << 16, ..ImportOptions::at(Utc::from_unix_s(1_700_000_000)) };
    if let Ok(report) = import(&[file], &table, &options, &mut |_| {}) {
        assert!(report.refused <= report.rows);
        assert_eq!(Table::open(&table).expect("the table opens").cells(), report.cells);
    }
});
