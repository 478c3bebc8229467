//! Imports and look-ups together: every fall-back, real rows, hostile input.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::radius::distance_m;
use super::{
    Cells, CellsError, Config, ImportOptions, ImportReport, Locator, NetworkPlace, Progress, RowError, Site,
    Table, generate, import,
};
use crate::base::cell::{CellId, CellStatus, LocationId, Plmn, ReferenceLocator, ReferenceSource};
use crate::base::{GeoPoint, Utc};

const LUX: Plmn = Plmn { mcc: 270, mnc: 1 };
const HEADER: &str =
    "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal\n";

fn options() -> ImportOptions {
    ImportOptions::at(Utc::from_unix_s(1_700_000_000))
}

fn import_text(dir: &Path, text: &str) -> Result<ImportReport, CellsError> {
    let input = dir.join("input.csv");
    fs::write(&input, text).unwrap();
    import(&[input], &dir.join("table"), &options(), &mut |_| {})
}

fn locator(dir: &Path, networks: Vec<NetworkPlace>) -> Locator {
    Locator::open(&Config { table: dir.join("table"), networks, ..Config::default() }).unwrap()
}

fn lte(eci: u32, tac: u16) -> LocationId {
    LocationId::serving(CellId::Lte { plmn: LUX, tac, eci })
}

#[test]
fn falls_from_cell_to_area_to_network_to_country_to_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let row = |i: i32| {
        let lat = 49.6 + f64::from(i) * 1e-3;
        format!("LTE,270,1,12,{},0,6.1,{lat},900,50,1,0,1600000000,0\n", 100 + i)
    };
    let rows = (0..40).map(row).collect::<Vec<_>>().concat();
    import_text(dir.path(), &format!("{HEADER}{rows}")).unwrap();
    let place = |mnc, lat| NetworkPlace { mcc: 270, mnc, lat, lon: 6.1, uncertainty_m: 40_000.0 };
    let l = locator(dir.path(), vec![place(None, 49.8), place(Some(77), 49.7)]);

    let cell = l.locate(&[lte(105, 12)]).unwrap();
    assert_eq!((cell.source, cell.uncertainty_m), (ReferenceSource::Cell, 900.0));
    assert!((cell.at.lat - 49.605).abs() < 1e-6);
    // The area was renumbered; the cell is still that cell.
    assert_eq!(l.locate(&[lte(105, 13)]).unwrap().source, ReferenceSource::Cell);
    let area = l.locate(&[lte(999, 12)]).unwrap();
    assert_eq!(area.source, ReferenceSource::Area);
    assert!(area.uncertainty_m > 2_500.0 && area.uncertainty_m < 10_000.0, "{}", area.uncertainty_m);
    let of = |mnc| LocationId::serving(CellId::Lte { plmn: Plmn { mcc: 270, mnc }, tac: 5, eci: 5 });
    let network = l.locate(&[of(77)]).unwrap();
    assert_eq!((network.source, network.at.lat), (ReferenceSource::Network, 49.7));
    assert_eq!(l.locate(&[of(78)]).unwrap().at.lat, 49.8);
    let elsewhere = LocationId::serving(CellId::Lte { plmn: Plmn { mcc: 1, mnc: 1 }, tac: 5, eci: 5 });
    assert!(l.locate(std::slice::from_ref(&elsewhere)).is_none());
    assert!(l.locate(&[]).is_none());
    let nameless = LocationId { cell: None, ..elsewhere };
    assert!(l.locate(&[nameless]).is_none());
}

#[test]
fn a_missing_table_is_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let l = locator(dir.path(), Vec::new());
    assert_eq!((l.cells(), l.areas()), (0, 0));
    assert!(l.locate(&[lte(1, 1)]).is_none());
    let bad = Config {
        table: dir.path().join("table"),
        networks: vec![NetworkPlace { mcc: 270, mnc: None, lat: 91.0, lon: 0.0, uncertainty_m: 1.0 }],
        ..Config::default()
    };
    assert!(matches!(Locator::open(&bad), Err(CellsError::Place { index: 1, .. })));
}

#[test]
fn a_town_is_found_by_every_radio() {
    let dir = tempfile::tempdir().unwrap();
    let centre = GeoPoint::new(49.61, 6.13).unwrap();
    let path = dir.path().join("table");
    generate(&path, &Site::town(centre, LUX), Utc::from_unix_s(1)).unwrap().verify().unwrap();
    let cells = Cells::new(Locator::of_table(&path).unwrap());
    let near = |id: CellId| {
        let r = cells.locate(&[LocationId::serving(id)]).unwrap();
        assert!(distance_m(r.at, centre) < 50.0 && r.source == ReferenceSource::Cell, "{}", id.kind());
    };
    near(CellId::Gsm { plmn: LUX, lac: 1, ci: 5 });
    near(CellId::Wcdma { plmn: LUX, uc: 65_541 });
    near(CellId::Lte { plmn: LUX, tac: 1, eci: 5 });
    near(CellId::Nr { plmn: LUX, tac: 1, nci: 5 });
    assert!(cells.locate(&[LocationId::serving(CellId::Gsm { plmn: LUX, lac: 2, ci: 5 })]).is_none());

    let ap = |n| LocationId::serving(CellId::Wlan { mac: [0, 0, 0x5e, 0, 0x53, n] });
    assert!(cells.locate(&[ap(1)]).is_none(), "one access point places nobody");
    assert!(cells.locate(&[ap(1), ap(1)]).is_none(), "nor does the same one twice");
    let two = cells.locate(&[ap(1), ap(2)]).unwrap();
    assert!(two.source == ReferenceSource::Combined && two.uncertainty_m <= 100.0);
    let config = Config { table: path, single_access_point: true, ..Config::default() };
    cells.replace(Locator::open(&config).unwrap());
    assert!(cells.locate(&[ap(1)]).is_some());
}

#[test]
fn what_was_measured_counts() {
    let dir = tempfile::tempdir().unwrap();
    import_text(dir.path(), &format!("{HEADER}GSM,270,1,5,6,0,6.1,49.6,9000,100,1,0,0,0\n")).unwrap();
    let l = locator(dir.path(), Vec::new());
    let heard = LocationId::serving(CellId::Gsm { plmn: LUX, lac: 5, ci: 6 });
    let of = |h: LocationId| l.locate(&[h]).unwrap().uncertainty_m;
    assert_eq!(of(heard.clone()), 9000.0);
    assert!(of(LocationId { range_m: Some(550.0), ..heard.clone() }) < 6000.0);
    let stale =
        LocationId { status: CellStatus::Stale, age: Some(Duration::from_secs(100)), ..heard.clone() };
    assert_eq!(of(stale), 12_500.0);
    let announced = GeoPoint::new(10.0, 20.0);
    let r = l.locate(&[LocationId { announced, ..heard }]).unwrap();
    assert_eq!((Some(r.at), r.source), (announced, ReferenceSource::Cell));
}

#[test]
fn short_umts_identities_are_a_guess_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "UMTS,270,1,1,500,0,6.1,49.6,1000,50,1,0,0,0\n\
                UMTS,270,1,1,600,0,6.1,49.6,1000,50,1,0,0,0\n\
                UMTS,270,1,2,600,0,8.1,52.6,1000,50,1,0,0,0\n\
                UMTS,270,1,2,65536500,0,7.0,50.0,1000,50,1,0,0,0\n";
    import_text(dir.path(), &format!("{HEADER}{rows}")).unwrap();
    let l = locator(dir.path(), Vec::new());
    let at = |uc| l.locate(&[LocationId::serving(CellId::Wcdma { plmn: LUX, uc })]);
    assert_eq!(at(65_536_500).unwrap().source, ReferenceSource::Cell);
    let guess = at(77 * 65_536 + 500).unwrap();
    assert!(guess.source == ReferenceSource::Area && guess.uncertainty_m >= 15_000.0);
    assert!(at(77 * 65_536 + 600).is_none(), "known twice, far apart");
    assert!(at(77 * 65_536 + 700).is_none());
}

#[test]
fn sixteen_bits_are_sought_with_every_controller() {
    let dir = tempfile::tempdir().unwrap();
    let row = |rnc: u32, cell: u32, lon: f64, lat: f64| {
        format!("UMTS,270,1,1,{},0,{lon},{lat},1000,50,1,0,0,0\n", rnc << 16 | cell)
    };
    let mut rows = String::new();
    for rnc in 1..=300 {
        for cell in [1, 9_000, 65_535] {
            rows += &row(rnc, cell, 6.0 + f64::from(rnc) * 0.01, 49.0);
        }
    }
    // One controller has it; two that are neighbours have it; two far from one another have it.
    rows += &row(7, 100, 6.1, 49.6);
    rows += &row(8, 200, 6.1, 49.6);
    rows += &row(299, 200, 6.3, 49.6);
    rows += &row(9, 300, 6.1, 49.6);
    rows += &row(10, 300, 10.1, 53.6);
    // Another network's, and another radio's of the same number.
    rows += "UMTS,270,2,1,851968400,0,6.1,49.6,1000,50,1,0,0,0\nLTE,270,1,1,400,0,6.1,49.6,1000,50,1,0,0,0\n";
    import_text(dir.path(), &format!("{HEADER}{rows}")).unwrap();
    let l = locator(dir.path(), Vec::new());
    let at = |uc| l.locate(&[LocationId::serving(CellId::Wcdma { plmn: LUX, uc })]);
    let alone = at(100).unwrap();
    assert_eq!((alone.source, alone.at.lon), (ReferenceSource::Area, 6.1));
    assert!(alone.uncertainty_m >= 15_000.0);
    let both = at(200).unwrap();
    assert!(both.uncertainty_m > 15_000.0 && both.uncertainty_m < 20_000.0, "{}", both.uncertainty_m);
    assert!(at(300).is_none() && at(400).is_none() && at(9_000).is_none(), "far apart, or nowhere");
    // The whole identity is still the better one.
    assert_eq!(at((7 << 16) + 100).unwrap().source, ReferenceSource::Cell);
}

#[test]
fn imports_add_up_and_the_better_row_wins() {
    let dir = tempfile::tempdir().unwrap();
    let first = "GSM,270,1,5,6,0,6.1,49.6,9000,10,1,0,100,0\nGSM,270,1,5,7,0,6.2,49.6,9000,10,1,0,100,0\n";
    let report = import_text(dir.path(), first).unwrap();
    assert_eq!((report.rows, report.cells, report.before, report.areas), (2, 2, 0, 1));
    // Better measured; worse measured; equally but newer; new.
    let second = "radio,mcc,net,area,cell,lon,lat,range,samples,updated\n\
                  GSM,270,1,5,6,6.5,49.6,3000,20,50\n\
                  GSM,270,1,5,7,6.6,49.6,3000,9,500\n\
                  GSM,270,1,5,7,6.7,49.6,4000,10,200\n\
                  GSM,270,1,5,8,6.8,49.6,3000,20,50\n";
    let report = import_text(dir.path(), second).unwrap();
    assert_eq!((report.rows, report.cells, report.before, report.duplicates), (4, 3, 2, 3));
    let l = locator(dir.path(), Vec::new());
    let lon = |ci| l.locate(&[LocationId::serving(CellId::Gsm { plmn: LUX, lac: 5, ci })]).unwrap().at.lon;
    assert_eq!([lon(6), lon(7), lon(8)], [6.5, 6.7, 6.8]);
    Table::open(&dir.path().join("table")).unwrap().verify().unwrap();
    // Starting anew forgets the rest.
    let input = dir.path().join("input.csv");
    let anew = ImportOptions { keep_existing: false, ..options() };
    fs::write(&input, "GSM,270,1,5,9,0,6.1,49.6,9000,10,1,0,100,0\n").unwrap();
    assert_eq!(import(&[input], &dir.path().join("table"), &anew, &mut |_| {}).unwrap().cells, 1);
}

#[test]
fn hostile_files_end_in_counts_or_errors() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(100_000);
    let text = format!(
        "{HEADER}\nGSM,270,1,5,6,0,6.1,49.6,9000,10,1,0,100,0\nnonsense\n{long}\nGSM,270,1,5,6,0,200,49.6,1,1,1,0,0,0\n\
         GSM,270,1,5,7,0,6.1,49.6,9000,10,1,0,100,0"
    );
    let report = import_text(dir.path(), &text).unwrap();
    assert_eq!((report.rows, report.refused, report.cells), (5, 3, 2));
    let lines: Vec<_> = report.problems.iter().map(|p| (p.line, p.error)).collect();
    assert_eq!(lines, [(4, RowError::Radio), (5, RowError::Shape), (6, RowError::Position)]);

    let table = dir.path().join("table");
    let before = fs::read(&table).unwrap();
    assert!(matches!(import_text(dir.path(), "hello\nworld\n"), Err(CellsError::UnknownLayout { .. })));
    assert!(matches!(import_text(dir.path(), &long), Err(CellsError::UnknownLayout { .. })));
    // A compressed file cut short.
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.repeat(50).as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let cut = dir.path().join("cut.csv.gz");
    fs::write(&cut, &gz[..gz.len() / 2]).unwrap();
    assert!(matches!(import(&[cut], &table, &options(), &mut |_| {}), Err(CellsError::Io { .. })));
    let missing = dir.path().join("missing");
    assert!(matches!(import(&[missing], &table, &options(), &mut |_| {}), Err(CellsError::Io { .. })));
    assert_eq!(fs::read(&table).unwrap(), before, "an import that fails leaves the table as it was");
    let left: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.iter().all(|p| !p.file_name().unwrap().to_string_lossy().starts_with('.')), "{left:?}");
    // An empty file adds nothing.
    assert_eq!(import_text(dir.path(), "").unwrap().rows, 0);
}

#[test]
fn compressed_input_many_rows_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(HEADER.as_bytes()).unwrap();
    let n = 66_000_u32;
    for i in 0..n {
        let eci = i.wrapping_mul(2_654_435_761) & 0x0fff_ffff;
        writeln!(gz, "LTE,270,1,{},{eci},0,6.1,49.6,900,50,1,0,1600000000,0", eci % 300).unwrap();
    }
    let input = dir.path().join("cells.csv.gz");
    fs::write(&input, gz.finish().unwrap()).unwrap();
    let mut seen = Vec::new();
    let small = ImportOptions { memory: 1 << 18, ..options() };
    let report = import(&[input], &dir.path().join("table"), &small, &mut |p| seen.push(p)).unwrap();
    assert_eq!((report.rows, report.refused), (u64::from(n), 0));
    assert_eq!(report.cells + report.duplicates, u64::from(n));
    assert_eq!(report.areas, 300);
    assert!(matches!(seen.first(), Some(Progress::Reading { rows, .. }) if *rows > 0));
    assert!(seen.iter().any(|p| matches!(p, Progress::Reading { bytes, of, .. } if bytes == of)));
    assert!(matches!(seen.last(), Some(Progress::Writing { cells, of }) if cells == of));
    Table::open(&dir.path().join("table")).unwrap().verify().unwrap();
}

/// Real rows: each fifth one is left out of the table, and its place must be in the circle that its area gives.
#[test]
fn areas_hold_the_cells_that_the_table_does_not_know() {
    let Some(shared) = crate::testing::shared("areas_hold_the_cells_that_the_table_does_not_know") else {
        return;
    };
    let text = fs::read_to_string(shared.join("gnss/cells/opencellid_mcc270_sample.csv")).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    for fold in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let (out, kept): (Vec<_>, Vec<_>) = lines.clone().enumerate().partition(|(i, _)| i % 5 == fold);
        let kept: Vec<&str> = kept.into_iter().map(|(_, l)| l).collect();
        import_text(dir.path(), &format!("{header}\n{}\n", kept.join("\n"))).unwrap();
        let l = locator(dir.path(), Vec::new());
        let (mut inside, mut total, mut radii) = (0, 0, Vec::new());
        for (_, line) in out {
            let c: Vec<&str> = line.split(',').collect();
            let number = |i: usize| c[i].parse::<u32>().unwrap();
            let plmn = Plmn { mcc: number(1) as u16, mnc: number(2) as u16 };
            let area = number(3) as u16;
            let cell = match c[0] {
                "GSM" => CellId::Gsm { plmn, lac: area, ci: number(4) as u16 },
                "LTE" => CellId::Lte { plmn, tac: area, eci: number(4) },
                _ => continue,
            };
            let truth = GeoPoint::new(c[7].parse().unwrap(), c[6].parse().unwrap()).unwrap();
            let Some(r) = l.locate(&[LocationId::serving(cell)]) else { continue };
            if r.source == ReferenceSource::Area {
                total += 1;
                inside += usize::from(distance_m(truth, r.at) <= r.uncertainty_m);
                radii.push(r.uncertainty_m);
            }
        }
        radii.sort_by(f64::total_cmp);
        let share = inside as f64 / total as f64;
        println!("fold {fold}: {inside} of {total} ({share:.3}), median radius {:.0} m", radii[total / 2]);
        assert!(total > 300 && share >= 0.95, "fold {fold}: {share}");
        assert!(radii[total / 2] < 40_000.0, "a radius that holds everything says nothing");
    }
}

/// A SET somewhere, and what it hears of cells that stand around it. The table has each cell's position and range as measurements
/// would leave them. Pseudo-random and the same each time.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Within a circle, more often near its middle than a uniform one.
    fn around(&mut self, at: GeoPoint, radius_m: f64) -> GeoPoint {
        let (r, turn) = (radius_m * self.uniform(), self.uniform() * std::f64::consts::TAU);
        let lat = at.lat + r * turn.cos() / 111_195.0;
        GeoPoint::new(lat, at.lon + r * turn.sin() / (111_195.0 * lat.to_radians().cos())).unwrap()
    }
}

#[test]
fn several_transmitters_are_better_than_one_and_the_radius_holds() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(88_172_645_463_325_252);
    let centre = GeoPoint::new(49.6, 6.1).unwrap();
    // Cells of 1.5 km, one in fifteen of which is tabled tens of kilometres away.
    let mut rows = vec![HEADER.to_owned()];
    let mut cells = Vec::new();
    for i in 0..600_u32 {
        let at = dice.around(centre, 20_000.0);
        let wrong = i % 15 == 7;
        let tabled = if wrong { dice.around(at, 40_000.0) } else { dice.around(at, 400.0) };
        let (lon, lat) = (tabled.lon, tabled.lat);
        rows.push(format!("LTE,270,1,12,{},0,{lon},{lat},1500,40,1,0,1600000000,0\n", 1000 + i));
        cells.push((i, at));
    }
    import_text(dir.path(), &rows.concat()).unwrap();
    let l = locator(dir.path(), Vec::new());
    let (mut held, mut better, mut all) = (0, 0, 0);
    for _ in 0..400 {
        let place = dice.around(centre, 15_000.0);
        let mut near: Vec<(f64, u32)> = cells.iter().map(|(i, at)| (distance_m(*at, place), *i)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heard: Vec<LocationId> = near
            .iter()
            .take_while(|(d, _)| *d < 1500.0)
            .take(6)
            .enumerate()
            .map(|(n, (d, i))| LocationId {
                serving: n == 0,
                power_dbm: Some(-60.0 - 35.0 * (d.max(30.0) / 30.0).log10() + 12.0 * (dice.uniform() - 0.5)),
                range_m: (n == 0).then(|| (d / 78.0).floor() * 78.0),
                ..lte(1000 + i, 12)
            })
            .collect();
        if heard.len() < 4 {
            continue;
        }
        let r = l.locate(&heard).unwrap();
        let alone = l.locate(&heard[..1]).unwrap();
        all += 1;
        held += usize::from(distance_m(r.at, place) <= r.uncertainty_m);
        better += usize::from(distance_m(r.at, place) <= distance_m(alone.at, place));
    }
    assert!(all > 200, "{all}");
    assert!(held * 100 >= all * 95, "{held} of {all}");
    assert!(better * 2 > all, "{better} of {all}");
}

/// A row with one measurement is where a real SET heard that cell. It is held out, and the SET found by other cells whose
/// range reaches it.
#[test]
fn sets_of_a_real_table_are_within_the_radius() {
    struct Row<'a> {
        line: &'a str,
        id: CellId,
        at: GeoPoint,
        range_m: f64,
        samples: u32,
    }
    let test = "sets_of_a_real_table_are_within_the_radius";
    let Some(shared) = crate::testing::shared(test) else { return };
    let text = fs::read_to_string(shared.join("gnss/cells/opencellid_mcc270_sample.csv")).unwrap();
    let rows: Vec<Row<'_>> = text
        .lines()
        .filter_map(|line| {
            let f: Vec<&str> = line.split(',').collect();
            let number = |i: usize| f.get(i)?.parse::<u32>().ok();
            let plmn = Plmn { mcc: 270, mnc: number(2)? as u16 };
            let (area, cell) = (number(3)?, number(4)?);
            let id = match *f.first()? {
                "GSM" => CellId::Gsm { plmn, lac: area as u16, ci: cell as u16 },
                "UMTS" => CellId::Wcdma { plmn, uc: cell },
                "LTE" => CellId::Lte { plmn, tac: area as u16, eci: cell },
                _ => return None,
            };
            let at = GeoPoint::new(f.get(7)?.parse().ok()?, f.get(6)?.parse().ok()?)?;
            Some(Row { line, id, at, range_m: f64::from(number(8)?), samples: number(9)? })
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let kept =
        rows.iter().filter(|r| r.samples > 1).map(|r| format!("{}\n", r.line)).collect::<Vec<_>>().concat();
    import_text(dir.path(), &format!("{}\n{kept}", text.lines().next().unwrap())).unwrap();
    let l = locator(dir.path(), Vec::new());
    let (mut held, mut all, mut sharp, mut spoilt) = (0, 0, 0, 0);
    for row in rows.iter().filter(|r| r.samples == 1) {
        let reaches = |o: &&Row<'_>| o.samples > 1 && distance_m(o.at, row.at) <= o.range_m.max(300.0);
        let reaching: Vec<&Row<'_>> = rows.iter().filter(reaches).take(5).collect();
        let heard: Vec<LocationId> = reaching.iter().map(|o| LocationId::serving(o.id)).collect();
        if heard.len() < 3 {
            continue;
        }
        all += 1;
        let r = l.locate(&heard).unwrap();
        held += usize::from(distance_m(r.at, row.at) <= r.uncertainty_m);
        // And with one that is in the table, but far away. Where most are known so roughly that they fit either, nothing can tell.
        if reaching.iter().filter(|o| o.samples > 10 && o.range_m < 5000.0).count() < 3 {
            continue;
        }
        sharp += 1;
        let wrong =
            |o: &&Row<'_>| o.samples > 10 && o.range_m < 5000.0 && distance_m(o.at, row.at) > 25_000.0;
        let far = rows.iter().find(wrong).unwrap();
        let with_wrong =
            [heard.as_slice(), &[LocationId { serving: false, ..LocationId::serving(far.id) }]].concat();
        let w = l.locate(&with_wrong).unwrap();
        spoilt += usize::from(distance_m(w.at, r.at) > r.uncertainty_m);
    }
    assert!(all > 100, "{all}");
    assert!(held * 100 >= all * 93, "{held} of {all} held");
    assert!(sharp > 20 && spoilt * 100 <= sharp * 2, "{spoilt} of {sharp} spoilt");
}
