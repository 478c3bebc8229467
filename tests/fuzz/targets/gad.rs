//! Shapes and velocities of 3GPP TS 23.032 as octets: what is read can be written, and what is written is read again.

#![no_main]

use groma::wire::gad::octets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(shape) = octets::shape(bytes) {
        if let Some(written) = octets::from_shape(&shape) {
            let again = octets::shape(&written).expect("a written shape can be read");
            // Uncertainties are rounded up to a code, so that writing need not give the octets that were read.
            octets::from_shape(&again).expect("it can be written again");
        }
        if let Some(ellipsoid) = octets::ellipsoid(&shape) {
            octets::shape(&ellipsoid).expect("an ellipsoid can be read");
        }
    }
    if let Some(velocity) = octets::velocity(bytes) {
        let written = octets::from_velocity(&velocity);
        octets::velocity(&written).expect("a written velocity can be read");
    }
});
