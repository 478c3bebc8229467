//! The names of MLP's elements, all versions together.

/// Ascending.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "Base64Map", "Box", "CircularArcArea", "CircularArea", "Confidence", "CoordinateReferenceSystem",
    "EllipticalArea", "Height", "Hemisphere", "Identifier", "LineString", "LinearRing", "MapData",
    "MapRequest", "MotionState", "MotionStateList", "MotionStateRequest", "MultiLineString", "MultiPoint",
    "MultiPolygon", "Point", "Polygon", "PrimaryMotionState", "ReferencePoint", "SecondaryMotionState",
    "Url", "Width", "X", "Y", "Z", "Zone", "Zoom", "add_info", "aln", "aln_event", "aln_id", "aln_name",
    "aln_node", "aln_node_set", "alt", "alt_acc", "alt_unc", "amf_name", "analytic_data",
    "analytic_report", "angle", "angularUnit", "applicationid", "batch_cond", "cc", "cellid", "cgi",
    "change_area", "civicloc", "civicloc_element", "client", "code", "codeSpace", "codeword", "coord",
    "diameter_realm", "direction", "distanceUnit", "distance_event", "duration", "dwell_time",
    "dwell_time_std_dev", "edition", "eme_event", "eme_lia", "eme_lir", "eme_lirep", "eme_pos", "emerep",
    "eqop", "equidistance_event", "esrd", "esrk", "floor_number", "floor_number_unc", "gem", "geo_info",
    "group_condition", "gsm_net_param", "hdr", "hlia", "hlir", "hlirep", "hor_acc", "id", "imsi",
    "inRadius", "innerBoundaryIs", "interval", "ip_address", "lac", "lcs_ref", "lev_conf", "ll_acc",
    "lmsi", "loc_type", "location_id", "location_uri", "locationserver_address", "lte_ci", "max_loc_age",
    "mcc", "mean_dwell_time", "minimumIntervalTime", "mme_name", "mnc", "ms_action", "msid", "msid_group",
    "msid_range", "msids", "name_area", "ndc", "neid", "nmr", "no_of_reports", "nr_ci", "num_entered",
    "num_left", "num_mean", "num_of_ms", "num_start", "num_std_dev", "outRadius", "outerBoundaryIs", "pd",
    "persistence", "plmn", "pos", "poserr", "positioning_data", "prio", "pushaddr", "pwd", "qop",
    "qos_not_met", "query_id", "radius", "reference_object", "relativelocation", "req_id", "requestmode",
    "requestor", "resp_req", "resp_timer", "result", "sac", "sai", "semiMajor", "semiMinor",
    "service_coverage", "serviceid", "serving_cell", "serving_node_privacy_action", "session", "sessionid",
    "sgsn_name", "sgsnid", "sgsnno", "shape", "slia", "slir", "slirep", "slra", "slrep", "speed",
    "startAngle", "start_msid", "start_time", "stopAngle", "stop_msid", "stop_time", "subclient",
    "supl_support_params", "supported_shapes", "svc_init", "svc_result", "ta", "target_area",
    "target_distance", "target_equidistance", "target_serving_node", "target_speed", "time",
    "time_remaining", "tlqrep", "tlra", "tlrep", "tlrpr", "tlrqa", "tlrqr", "tlrr", "tlrr_event", "tlrsa",
    "tlrsr", "trans_id", "trigger_data", "trl_pos", "uncompensatedBarometricPressure", "url",
    "velocity_event", "vlrid", "vlrno", "vmscid", "vmscno",
];

/// Whether some version of MLP has an element of this name.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ascending() {
        assert!(super::NAMES.is_sorted());
        assert!(super::is_known("eqop") && !super::is_known("Eqop"));
    }
}
