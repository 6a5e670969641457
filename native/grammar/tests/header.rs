//! The committed C header is what cbindgen makes of `src/capi.rs`.

use std::path::Path;

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let builder = cbindgen::Builder::new().with_config(config).with_src(root.join("src/capi.rs"));
    let mut made = Vec::new();
    builder.generate().expect("capi.rs can be read").write(&mut made);
    let made = String::from_utf8(made).expect("headers are UTF-8");
    let path = root.join("include/sluice_grammar.h");
    if std::env::var_os("WRITE_HEADER").is_some() {
        std::fs::create_dir_all(root.join("include")).expect("the folder can be made");
        std::fs::write(&path, &made).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(made == committed, "include/sluice_grammar.h is stale: run this test with WRITE_HEADER=1");
}
