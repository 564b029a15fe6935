"""Files that MNE-Python writes, and beside each what it reads of them again, in the project's own layout."""

import html
import warnings

import mne
import native
import numpy as np
from mne._fiff.constants import FIFF
from mne._fiff import write as fiff

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
rng = np.random.default_rng(11)

SCALE = {"mag": 1e-13, "grad": 1e-11, "eeg": 1e-6, "eog": 1e-5, "stim": 1.0}


def rotation(x, y, z):
    return mne.transforms.rotation(x, y, z)


def info(long_names=False):
    """12 sites of three MEG coils, 10 electrodes, an eye channel and a trigger, in mixed order."""
    types, names, places = [], [], []
    for k in range(12):
        angle, height = 2.4 * k, 0.02 + 0.08 * k / 12
        out = np.array([np.cos(angle) * np.sqrt(1 - (height / 0.12) ** 2), 0, height / 0.12])
        out[1] = np.sin(angle) * np.sqrt(1 - (height / 0.12) ** 2)
        side = np.cross(out, [0, 0, 1.0])
        side /= np.linalg.norm(side)
        axes = np.r_[side, np.cross(out, side), out]
        for coil, kind in ((3012, "grad"), (3012, "grad"), (3024, "mag")):
            types.append(kind)
            names.append(f"MEG {k:02d}{len(names) % 3}")
            places.append((coil, np.r_[0.12 * out, axes]))
        if k == 5:
            types.append("eog")
            names.append("EOG 001")
            places.append((1, np.zeros(12)))
    for k in range(10):
        out = np.array([np.cos(k), np.sin(k), 0.5 + 0.1 * k])
        types.append("eeg")
        names.append(f"EEG {k:03d}")
        places.append((1, np.r_[0.09 * out / np.linalg.norm(out), np.zeros(9)]))
    types.append("stim")
    names.append("STI 014")
    places.append((1, np.zeros(12)))
    if long_names:
        names = [f"{name}: a long name of electrode {name}" if t == "eeg" else name for name, t in zip(names, types)]
    made = mne.create_info(names, 600.614990234375, types)
    with made._unlock():
        for ch, (coil, loc), kind in zip(made["chs"], places, types):
            ch["loc"] = loc
            if kind in ("mag", "grad"):
                ch["coil_type"] = coil
                ch["cal"] = float(np.float32(3.16e-9 if kind == "grad" else 1.3e-10))
        trans = np.eye(4)
        trans[:3, :3] = rotation(0.05, -0.1, 0.2)[:3, :3]
        trans[:3, 3] = [0.002, -0.003, 0.04]
        made["dev_head_t"] = mne.transforms.Transform("meg", "head", trans)
    made["bads"] = [names[4], names[40]]
    meg = [n for n, t in zip(names, types) if t == "mag"]
    eeg = [n for n, t in zip(names, types) if t == "eeg"]
    made["projs"].extend([projection("first", meg), projection("second", meg[2:]), projection("reference", eeg, True)])
    return made


def projection(name, names, mean=False):
    vector = np.ones((1, len(names))) if mean else rng.standard_normal((1, len(names)))
    vector /= np.linalg.norm(vector)
    data = dict(nrow=1, ncol=len(names), row_names=None, col_names=names, data=vector)
    return mne.Projection(active=False, data=data, desc=name, kind=FIFF.FIFFV_PROJ_ITEM_FIELD)


def data(made, *shape):
    scale = np.array([SCALE[t] for t in made.get_channel_types()])
    values = rng.standard_normal((*shape[:-1], len(scale), shape[-1]))
    return values * scale[:, np.newaxis]


# What MNE reads, in the own layout.


def used(made):
    types = made.get_channel_types()
    picks = [k for k, t in enumerate(types) if t in ("mag", "grad", "eeg")]
    names = [made["ch_names"][k] for k in picks]
    kinds = [types[k] for k in picks]
    bad = [name in made["bads"] for name in names]
    return picks, names, kinds, bad, np.array([made["chs"][k]["loc"] for k in picks])


def projectors(projs, names):
    rows = np.zeros((sum(len(p["data"]["data"]) for p in projs), len(names)))
    first = 0
    for p in projs:
        for vector in p["data"]["data"]:
            for name, value in zip(p["data"]["col_names"], vector):
                if name in names:
                    rows[first, names.index(name)] = value
            first += 1
    return rows


def expect_recording(path, made, values, first_time, averages, condition):
    picks, names, kinds, bad, loc = used(made)
    values = values[..., picks, :]
    native.recording(
        path, values, names, kinds, made["sfreq"], first_time, averages, condition,
        projectors(made["projs"], names), int(bool(made["projs"]) and all(p["active"] for p in made["projs"])), bad, loc,
    )  # fmt: skip


def expect_evoked(path, condition=0, **options):
    evoked = mne.read_evokeds(path, condition, proj=False, **options)
    expect_recording(f"{path}.{condition}.h5", evoked.info, evoked.data, evoked.times[0], int(evoked.nave), html.unescape(evoked.comment))


def expect_epochs(path, names):
    epochs = mne.read_epochs(path, proj=False)
    for name in names:
        part = epochs[name]
        expect_recording(
            f"{path}.{name}.h5", part.info, part.get_data(copy=True), round(part.tmin * part.info["sfreq"]) / part.info["sfreq"],
            1, name)  # fmt: skip


def expect_covariance(path, made):
    cov = mne.read_cov(path)
    kind = dict(zip(made["ch_names"], made.get_channel_types()))
    matrix = np.diag(cov.data) if cov["diag"] else cov.data
    native.covariance(
        f"{path}.h5", matrix, cov.ch_names, [kind[n] for n in cov.ch_names], max(0, cov["nfree"]),
        projectors(cov["projs"], cov.ch_names), [n in cov["bads"] for n in cov.ch_names],
    )  # fmt: skip


def triangles(src):
    """Triangles between sources, three of their indices each."""
    found, first = [np.zeros((0, 3), int)], 0
    for s in src:
        if s["type"] == "surf":
            for tris in (s["use_tris"], s["tris"]):
                tris = np.zeros((0, 3), int) if tris is None else tris[np.isin(tris, s["vertno"]).all(axis=1)]
                if len(tris):
                    found.append(first + np.searchsorted(s["vertno"], tris))
                    break
        first += s["nuse"]
    return np.concatenate(found)


def expect_forward(path):
    fwd = mne.read_forward_solution(path)
    fixed = fwd["source_ori"] == FIFF.FIFFV_MNE_FIXED_ORI
    gain = fwd["sol"]["data"]
    volume = np.concatenate([np.full(s["nuse"], s["type"] != "surf") for s in fwd["src"]])
    if fixed:
        normal = fwd["source_nn"].copy()
    else:
        normal = mne.convert_forward_solution(fwd, surf_ori=True)["source_nn"][2::3].copy()
        normal[volume] = 0
        if fwd["surf_ori"]:
            gain = fwd["_orig_sol"]
    hemisphere = np.concatenate(
        [np.full(s["nuse"], -1 if s["type"] != "surf" else s["id"] - 101) for s in fwd["src"]])  # fmt: skip
    types = fwd["info"].get_channel_types()
    native.forward(
        f"{path}.h5", gain, 1 if fixed else 3, fwd["info"]["ch_names"], types, fwd["source_rr"],
        "head" if fwd["coord_frame"] == 4 else "mri", normal if np.any(normal) else None,
        np.concatenate([s["vertno"] for s in fwd["src"]]), hemisphere, fwd["src"]._subject or "",
        [n in fwd["info"]["bads"] for n in fwd["info"]["ch_names"]], np.array([c["loc"] for c in fwd["info"]["chs"]]),
        triangles(fwd["src"]),
    )  # fmt: skip


# Files.


def evokeds():
    """Several conditions with bad channels, projectors, other channels and a standard error; packed; with long names."""
    made = info()
    parts = [
        mne.EvokedArray(data(made, 30), made, tmin=-10 / made["sfreq"], nave=7 + k, comment=name, baseline=None)
        for k, name in enumerate(["left/tone", "Ωmega ü", "left/tone"])
    ]
    parts[2].kind = "standard_error"
    mne.write_evokeds("several-ave.fif", parts, overwrite=True)
    mne.write_evokeds("packed-ave.fif.gz", parts[:1], overwrite=True)
    for k in range(2):
        expect_evoked("several-ave.fif", k)
    expect_evoked("packed-ave.fif.gz")

    named = info(long_names=True)
    evoked = mne.EvokedArray(data(named, 20), named, tmin=0, nave=3, comment="long names")
    evoked.apply_proj()
    evoked.save("named-ave.fif", overwrite=True)
    expect_evoked("named-ave.fif")

    meg = parts[0].copy().pick("mag")
    meg.save("mag-ave.fif", overwrite=True)
    expect_evoked("mag-ave.fif")


def old_evoked():
    """As old programs write averages: a list of scaled 16-bit integers a channel."""
    made = info()
    with fiff.start_and_end_file("old-ave.fif") as fid:
        fiff.start_block(fid, FIFF.FIFFB_MEAS)
        fiff.write_id(fid, FIFF.FIFF_BLOCK_ID)
        mne._fiff.meas_info.write_meas_info(fid, made)
        fiff.start_block(fid, FIFF.FIFFB_PROCESSED_DATA)
        fiff.start_block(fid, FIFF.FIFFB_EVOKED)
        fiff.write_string(fid, FIFF.FIFF_COMMENT, "old")
        fiff.write_int(fid, FIFF.FIFF_FIRST_SAMPLE, -5)
        fiff.write_int(fid, FIFF.FIFF_LAST_SAMPLE, 14)
        fiff.start_block(fid, FIFF.FIFFB_ASPECT)
        fiff.write_int(fid, FIFF.FIFF_ASPECT_KIND, 100)
        fiff.write_int(fid, FIFF.FIFF_NAVE, 42)
        for _ in made["chs"]:
            head = np.array([FIFF.FIFF_EPOCH, FIFF.FIFFT_OLD_PACK, 8 + 2 * 20, 0], ">i4")
            scale = np.array([rng.standard_normal() * 1e-3, 1.7e-5], ">f4")
            fid.write(head.tobytes() + scale.tobytes() + rng.integers(-32768, 32767, 20).astype(">i2").tobytes())
        fiff.end_block(fid, FIFF.FIFFB_ASPECT)
        fiff.end_block(fid, FIFF.FIFFB_EVOKED)
        fiff.end_block(fid, FIFF.FIFFB_PROCESSED_DATA)
        fiff.end_block(fid, FIFF.FIFFB_MEAS)
    expect_evoked("old-ave.fif")


def epochs():
    """Two kinds of events; in single and double precision."""
    made = info()
    events = np.c_[np.arange(5) * 100, np.zeros(5, int), [1, 2, 1, 1, 2]]
    for fmt in ("single", "double"):
        array = mne.EpochsArray(
            data(made, 5, 25), made, events, tmin=-5 / made["sfreq"], event_id={"a:b": 1, "other": 2}, baseline=None)  # fmt: skip
        array.save(f"{fmt}-epo.fif", fmt=fmt, overwrite=True)
        expect_epochs(f"{fmt}-epo.fif", ["a:b", "other"])


def covariances():
    """Full and diagonal, with projectors and bad channels."""
    made = info()
    picks, names, kinds, _, _ = used(made)
    root = rng.standard_normal((len(names), 200)) * np.array([SCALE[k] for k in kinds])[:, np.newaxis]
    full = root @ root.T / 200
    for name, values in (("full", full), ("diagonal", np.diag(full).copy())):
        cov = mne.Covariance(values, names, made["bads"], made["projs"], nfree=199)
        cov.save(f"{name}-cov.fif", overwrite=True)
        expect_covariance(f"{name}-cov.fif", made)
    evoked = mne.EvokedArray(data(made, 3), made, tmin=0, nave=1)
    evoked.save("kinds-ave.fif", overwrite=True)


def surface(side, id):
    """A small hemisphere, every third point in use, with patches."""
    ico = mne.surface._get_ico_surface(2)
    centre = np.array([0.035 * side, 0.0, 0.0])
    rr = ico["rr"] * 0.03 + centre
    inuse = np.zeros(len(rr), int)
    inuse[::3] = 1
    vertno = np.flatnonzero(inuse)
    # One hemisphere has triangles between points in use, and one with a point that is not.
    use_tris = np.array([[0, 3, 6], [9, 6, 3], [3, 6, 10], [12, 9, 6]]) if side > 0 else None
    nearest = vertno[np.argmin(((rr[:, None] - rr[vertno]) ** 2).sum(-1), axis=1)]
    return dict(
        type="surf", id=id, np=len(rr), nuse=len(vertno), ntri=len(ico["tris"]), rr=rr, nn=ico["rr"].copy(), tris=ico["tris"],
        inuse=inuse, vertno=vertno, coord_frame=np.array(FIFF.FIFFV_COORD_MRI, np.int32), nearest=nearest,
        nearest_dist=np.linalg.norm(rr - rr[nearest], axis=1), nuse_tri=0 if use_tris is None else 4, use_tris=use_tris, pinfo=None, patch_inds=None,
        dist=None, dist_limit=None, subject_his_id="Zoë",
    )  # fmt: skip


def sources(kind):
    sphere = mne.make_sphere_model((0.0, 0.0, 0.0), 0.09)
    surfaces = mne.SourceSpaces([surface(-1, 101), surface(1, 102)])
    for s in surfaces:
        mne.source_space._source_space._add_patch_info(s)
    volume = mne.setup_volume_source_space(pos=30.0, sphere=(0, 0, 0, 60), sphere_units="mm", mindist=0)
    # Without an image MNE calls a grid discrete; with one of unit voxels, whose interpolation nobody needs, a volume.
    unit = mne.transforms.Transform
    volume[0].update(
        type="vol", mri_file="image", mri_volume_name="image", mri_width=2, mri_height=2, mri_depth=2, interpolator=0,
        vox_mri_t=unit("mri_voxel", "mri"), mri_ras_t=unit("mri", "ras"), src_mri_t=unit("mri_voxel", "mri"))  # fmt: skip
    del volume[0]["interpolator"]
    rr = rng.uniform(-0.04, 0.04, (7, 3))
    nn = rng.standard_normal((7, 3))
    nn /= np.linalg.norm(nn, axis=1, keepdims=True)
    discrete = mne.setup_volume_source_space(pos=dict(rr=rr, nn=nn), sphere=sphere, mindist=0)
    return dict(surface=surfaces, volume=volume, discrete=discrete, mixed=surfaces + volume)[kind]


def forward(kind, mri=False, **options):
    trans = np.eye(4)
    trans[:3, :3] = rotation(0.1, 0.02, -0.07)[:3, :3]
    trans[:3, 3] = [0.001, 0.004, 0.012]
    made = info(**options)
    made["projs"].clear()
    return mne.make_forward_solution(
        made, mne.transforms.Transform("mri", "head", trans), sources(kind),
        mne.make_sphere_model((0.0, 0.0, 0.04), 0.09), meg=True, eeg=True, mindist=0)  # fmt: skip


def forwards():
    """Every kind of source space, free and fixed, in FIF and HDF5."""
    for kind in ("surface", "volume", "discrete", "mixed"):
        fwd = forward(kind)
        for ending in ("fif", "fif.gz", "h5"):
            mne.write_forward_solution(f"{kind}-fwd.{ending}", fwd, overwrite=True)
            expect_forward(f"{kind}-fwd.{ending}")
    fwd = forward("surface", long_names=True)
    mne.write_forward_solution("named-fwd.fif", fwd, overwrite=True)
    expect_forward("named-fwd.fif")
    turned = mne.convert_forward_solution(forward("mixed"), surf_ori=True)
    mne.write_forward_solution("turned-fwd.h5", turned, overwrite=True)
    expect_forward("turned-fwd.h5")
    fixed = mne.convert_forward_solution(forward("surface"), surf_ori=True, force_fixed=True)
    mne.write_forward_solution("fixed-fwd.h5", fixed, overwrite=True)
    expect_forward("fixed-fwd.h5")
    # MNE never turns a free forward into a fixed one on disk; MNE-C does.
    fixed = mne.convert_forward_solution(forward("surface"), surf_ori=True, force_fixed=True, use_cps=False)
    fixed["_orig_source_ori"] = FIFF.FIFFV_MNE_FIXED_ORI
    fixed["_orig_sol"] = fixed["sol"]["data"].copy()
    mne.write_forward_solution("fixed-fwd.fif", fixed, overwrite=True)
    expect_forward("fixed-fwd.fif")


def odd_triangles():
    """Forwards whose triangles are malformed, or name points that are not there."""
    import h5py

    fwd = forward("surface")
    mne.write_forward_solution("sound-fwd.fif", fwd, overwrite=True)
    mne.write_forward_solution("none-fwd.h5", fwd, overwrite=True)
    with open("sound-fwd.fif", "rb") as file:
        whole = np.frombuffer(file.read(), np.uint8)

    def changed(name, change):
        """Lists of triangles begin with their kind, type, size and place of the next; numbers, two sizes and 2 follow."""
        data = whole.copy()
        for kind in (FIFF.FIFF_MNE_SOURCE_SPACE_TRIANGLES, FIFF.FIFF_MNE_SOURCE_SPACE_USE_TRIANGLES):
            head, start = np.array([kind, 0x40000003], ">i4").tobytes(), -1
            while (start := whole.tobytes().find(head, start + 1)) >= 0:
                size = int(data[start + 8 : start + 12].view(">i4")[0])
                change(kind == FIFF.FIFF_MNE_SOURCE_SPACE_USE_TRIANGLES, data[start : start + 16 + size].view(">i4"))
        data.tofile(f"{name}-fwd.fif")

    def shape(is_used, tag):
        if is_used:
            tag[-3:-1] = tag[-3:-1][::-1].copy()

    def type_of(number):
        def change(is_used, tag):
            if is_used:
                tag[1] = number

        return change

    def far(is_used, tag):
        corners = tag[4 + 3 * is_used : -3]
        corners[:] = np.resize([0, -1, 163, 2**31 - 1, -(2**31)], len(corners))

    changed("shape", shape)
    changed("type", type_of(0x40000004))
    changed("sparse", type_of(0x40100003))
    changed("far", far)
    with h5py.File("none-fwd.h5", "r+") as file:
        for k in range(2):
            group = file[f"h5io/key_fwd/key_src/idx_{k}"]
            del group["key_tris"]
            group["key_tris"] = np.arange(9)
            group["key_tris"].attrs["TITLE"] = np.bytes_("ndarray")
        file["h5io/key_fwd/key_src/idx_1/key_use_tris"][...] = 2**40


def refused():
    """What is no recording, or only a part of one."""
    import gzip

    made = info()
    mne.io.RawArray(data(made, 100), made).save("raw.fif", overwrite=True)
    for name in ("packed-ave.fif.gz", "several-ave.fif"):
        with open(name, "rb") as file:
            whole = file.read()
        with open(name.replace("packed", "cut").replace("several", "cut"), "wb") as file:
            file.write(whole[: len(whole) * 2 // 3])
    with gzip.open("bomb-ave.fif.gz", "wb") as file:
        file.write(np.array([100, 31, 20, 0, 0, 0, 0, 0, 0], ">i4").tobytes() + bytes(300 << 20))
    events = np.c_[np.arange(60) * 100, np.zeros(60, int), np.ones(60, int)]
    array = mne.EpochsArray(data(made, 60, 500), made, events, baseline=None)
    array.save("first-epo.fif", split_size="1.5MB", overwrite=True)
    with made._unlock():
        for ch in made["chs"]:
            if ch["kind"] == FIFF.FIFFV_EEG_CH:
                ch["unit_mul"] = -6
    mne.EvokedArray(data(made, 3), made).save("microvolt-ave.fif", overwrite=True)


def acquisition():
    """How recordings and forwards came about: Maxwell filters, transforms, grades of compensation, subjects."""
    import json

    made = info()
    made["projs"].clear()
    made["subject_info"] = dict(his_id="Zoë")
    expected = {}

    def expect(name, got, rank=None, subject="Zoë", grade=0):
        trans = got["dev_head_t"]
        expected[name] = dict(
            trans=None if trans is None else trans["trans"].ravel().tolist(), rank=rank, subject=subject, grade=grade)  # fmt: skip

    def evoked(name, raw):
        mne.EvokedArray(raw.get_data()[:, :20], raw.info, nave=3).save(name, overwrite=True)
        got = mne.read_evokeds(name, 0, proj=False).info
        expect(name, got, int(mne.rank._get_rank_sss(got)) if got["proc_history"] else None, grade=got_grade(got))

    def got_grade(got):
        return mne._fiff.compensator.get_current_comp(got) or 0

    raw = mne.io.RawArray(data(made, 300), made)
    evoked("plain-ave.fif", raw)
    for order in (2, 3):
        for regularize in (None, "in"):
            clean = mne.preprocessing.maxwell_filter(
                raw, origin=(0.0, 0.0, 0.04), int_order=order, ext_order=1, regularize=regularize, coord_frame="head",
                bad_condition="ignore")  # fmt: skip
            evoked(f"sss{order}{regularize}-ave.fif", clean)
    # MaxFilter 3 writes a record without an expansion before the one that counts.
    with clean.info._unlock():
        clean.info["proc_history"].insert(0, dict(max_info=dict(sss_info=dict(job=2, frame=4))))
    evoked("empty-first-ave.fif", clean)
    clean.save("empty-first-raw.fif", overwrite=True)
    expect("empty-first-raw.fif", clean.info, int(mne.rank._get_rank_sss(clean.info)))
    # CTF and its like: software gradients of grade 3; no transform.
    graded = raw.copy()
    mne._fiff.compensator.set_current_comp(graded.info, 3)
    with graded.info._unlock():
        graded.info["dev_head_t"] = None
    evoked("graded-ave.fif", graded)
    fwd = forward("discrete")
    fwd = mne.pick_channels_forward(fwd, fwd["info"]["ch_names"][::6])
    mne._fiff.compensator.set_current_comp(fwd["info"], 2)
    for name in ("graded-fwd.fif", "graded-fwd.h5"):
        mne.write_forward_solution(name, fwd, overwrite=True)
        expect(name, mne.read_forward_solution(name)["info"], subject="", grade=2)
    # What is no rotation.
    with raw.info._unlock():
        raw.info["dev_head_t"]["trans"][:3, :3] *= 2
    mne.EvokedArray(raw.get_data()[:, :20], raw.info, nave=3).save("stretched-ave.fif", overwrite=True)
    damaged = mne.EvokedArray(clean.get_data()[:, :20], clean.info, nave=3)
    damaged.info["proc_history"][1]["max_info"]["sss_info"]["components"] = np.array([1, 7, 1])
    damaged.save("components-ave.fif", overwrite=True)
    damaged.info["proc_history"][1]["max_info"]["sss_info"].update(components=np.array([1, 1, 1]), in_order=2000000000)
    damaged.save("order-ave.fif", overwrite=True)
    with open("expected.json", "w") as file:
        json.dump(expected, file)


def unions():
    """Several conditions as one, as MNE makes it of them."""
    made = info()
    parts = [
        mne.EvokedArray(data(made, 30), made, tmin=-10 / made["sfreq"], nave=n, comment=name, baseline=None)
        for n, name in ((7, "tone/left"), (20, "tone/right"), (3, "flash"))
    ]
    mne.write_evokeds("union-ave.fif", parts, overwrite=True)
    both = mne.combine_evoked(mne.read_evokeds("union-ave.fif", [0, 1], proj=False), "nave")
    expect_recording("union-ave.fif.h5", both.info, both.data, both.times[0], both.nave, "tone/left + tone/right")
    events = np.c_[np.arange(9) * 100, np.zeros(9, int), [1, 2, 3, 1, 2, 1, 3, 3, 1]]
    array = mne.EpochsArray(
        data(made, 9, 25), made, events, tmin=0, event_id={"tone/left": 1, "tone/right": 2, "flash": 3}, baseline=None)  # fmt: skip
    array.save("union-epo.fif", overwrite=True)
    tones = mne.read_epochs("union-epo.fif", proj=False)["tone"]
    expect_recording("union-epo.fif.h5", tones.info, tones.get_data(copy=True).mean(0), 0.0, len(tones), "tone")


def triggered(samples, first, negative=False):
    """A raw recording with triggers: pulses, steps from one code to a higher and back, one that it begins with."""
    made = info()
    with made._unlock():
        for ch, kind in zip(made["chs"], made.get_channel_types()):
            # Whole numbers of a thousandth of the noise, scaled twice.
            ch["cal"], ch["range"] = (1.0, 1.0) if kind == "stim" else (SCALE[kind] / 2000, 2.0)
    values = data(made, samples)
    pulses = np.zeros(samples)
    pulses[:7] = 9
    for k, start in enumerate(range(40, samples - 20, 97)):
        pulses[start : start + 6] = 1 + k % 3
        if k % 4 == 0:
            pulses[start + 6 : start + 9] = 5
        if k % 5 == 0:
            pulses[start + 9 : start + 12] = 1
    pulses[-4:] = 2
    values[made["ch_names"].index("STI 014")] = -pulses if negative else pulses
    # Eyes that blink: some epochs vary more than others.
    for start in range(300, samples - 60, 600):
        values[:12, start : start + 50] += 8 * SCALE["grad"] * (np.array(made.get_channel_types())[:12, None] == "grad")
        values[-6, start : start + 50] += 20 * SCALE["eeg"]
    return mne.io.RawArray(values, made, first_samp=first)


def expect_epochs_of(name, raw, events, codes, reject, tmin=-0.05, tmax=0.1):
    kept = mne.Epochs(
        raw, events, codes, tmin, tmax, baseline=None, proj="delayed", reject=reject, preload=True, event_repeated="drop")  # fmt: skip
    expect_recording(f"{name}.h5", kept.info, kept.get_data(copy=True), kept.times[0], 1, " + ".join(str(c) for c in codes))


def raws():
    """Raw recordings of every type of number, packed, with gaps, bad stretches, projectors and events in every form."""
    sizes = dict(short=3000, int=2400, single=2400, double=2400)
    for fmt, samples in sizes.items():
        raw = triggered(samples, 1234)
        if fmt == "single":
            raw.apply_proj()
        if fmt == "int":
            raw.set_annotations(mne.Annotations([0.8, 2.1], [0.2, 0.1], ["Bad blink", "fine"]))
        raw.save(f"{fmt}-raw.fif", fmt=fmt, buffer_size_sec=0.2, overwrite=True)
        raw = mne.io.read_raw_fif(f"{fmt}-raw.fif")
        events = mne.find_events(raw, "STI 014")
        for codes in ([1], [2], [3, 5]):
            expect_epochs_of(f"{fmt}-raw.fif.{codes[0]}", raw, events, codes, None)
        expect_epochs_of(f"{fmt}-raw.fif.rejected", raw, events, [1], dict(grad=10 * SCALE["grad"], eeg=20 * SCALE["eeg"]))
    # Events of the last one, in every form.
    mne.write_events("list-eve.fif", events, overwrite=True)
    mne.write_events("packed-eve.fif.gz", events, overwrite=True)
    mne.write_events("text.eve", events, overwrite=True)
    with open("old.eve", "w") as file:
        file.write(f"{raw.first_samp:6d} {raw.first_samp / raw.info['sfreq']:-10.3f} {0:3d} {0:3d}\n# from MNE-C\n\n")
        for sample, before, code in events:
            file.write(f"{sample:6d} {sample / raw.info['sfreq']:-10.3f} {before:3d} {code:3d}  % a comment\n")
    with open("events.tsv", "w") as file:
        file.write("onset\tduration\ttrial_type\tvalue\n0.5\t0\tn/a\t7\n")
        for sample, _, code in events:
            file.write(f"{(sample - raw.first_samp) / raw.info['sfreq']:.6f}\tn/a\tcode/{code}\t{code}\n")
    with open("values.tsv", "w") as file:
        file.write("onset\tduration\tvalue\n")
        for sample, _, code in events:
            file.write(f"{(sample - raw.first_samp) / raw.info['sfreq']:.6f}\t0\t{code}\n")

    raw.save("packed-raw.fif.gz", fmt="double", overwrite=True)
    long = mne.concatenate_raws([raw.copy(), raw.copy(), raw.copy()])
    long.save("split-raw.fif", fmt="double", buffer_size_sec=0.2, split_size="2MB", overwrite=True)
    with raw.info._unlock():
        raw.info["maxshield"] = True
    raw.save("shielded-raw.fif", overwrite=True)
    # A gap of two buffers, at the border of one.
    raw = triggered(2400, 100)
    raw._data[:, 900:1500] = 0
    raw.set_annotations(mne.Annotations(900 / raw.info["sfreq"], 600 / raw.info["sfreq"], "BAD_ACQ_SKIP"))
    raw.save("gap-raw.fif", fmt="double", buffer_size_sec=0.499, overwrite=True)
    raw = mne.io.read_raw_fif("gap-raw.fif")
    assert any(entry is None for entry in raw._raw_extras[0]["ent"])
    expect_epochs_of("gap-raw.fif.1", raw, mne.find_events(raw, "STI 014"), [1], None)
    raw = triggered(1200, 0, negative=True)
    raw.save("negative-raw.fif", fmt="single", overwrite=True)
    raw = mne.io.read_raw_fif("negative-raw.fif")
    expect_epochs_of("negative-raw.fif.1", raw, mne.find_events(raw, "STI 014"), [1], None)


def small_raws():
    """Little raw recordings and lists of events, for damage."""
    for name, fmt in (("short-raw.fif", "short"), ("packed-raw.fif.gz", "single")):
        raw = triggered(700, 50)
        raw.pick(raw.ch_names[::5] + ["STI 014"])
        raw.set_annotations(mne.Annotations([0.3], [0.02], ["BAD"]))
        raw.save(name, fmt=fmt, buffer_size_sec=0.2, overwrite=True)
    clean = mne.preprocessing.maxwell_filter(
        triggered(700, 0), origin=(0.0, 0.0, 0.04), int_order=2, ext_order=1, coord_frame="head", bad_condition="ignore")  # fmt: skip
    clean.info["subject_info"] = dict(his_id="Zoë")
    mne.EvokedArray(clean.get_data()[:, :5], clean.info, nave=3).save("history-ave.fif", overwrite=True)
    mne.write_events("list-eve.fif", mne.find_events(raw, "STI 014"), overwrite=True)
    mne.write_events("text.eve", mne.find_events(raw, "STI 014"), overwrite=True)
    with open("events.tsv", "w") as file:
        file.write("onset\tduration\ttrial_type\n" + "".join(f"{k * 0.16:.3f}\t0\t{'ab'[k % 2]}\n" for k in range(7)))


def small_forwards():
    """Little files of every kind of source space."""
    for kind in ("discrete", "mixed"):
        fwd = forward(kind)
        mne.write_forward_solution(f"{kind}-fwd.fif", mne.pick_channels_forward(fwd, fwd["info"]["ch_names"][::6]), overwrite=True)


def localization():
    """Two sources in noise, and what is needed to find them: forward, average and covariance."""
    fwd = forward("surface")
    made = info()
    picks, names, kinds, _, _ = used(made)
    fixed = mne.convert_forward_solution(fwd, surf_ori=True, force_fixed=True)
    gain = mne.pick_channels_forward(fixed, names, ordered=True)["sol"]["data"]
    std = np.array([SCALE[k] for k in kinds])
    mixing = (np.eye(len(names)) + 0.1 * rng.standard_normal((len(names), len(names)))) * std[:, np.newaxis]
    times = np.arange(-20, 150) / made["sfreq"]
    courses = np.exp(-0.5 * ((times - np.array([[0.09], [0.11]])) / 0.02) ** 2)
    active = gain[:, [11, 70]]
    values = np.zeros((len(made["chs"]), len(times)))
    values[picks] = active / np.linalg.norm(active / std[:, np.newaxis], axis=0) @ courses * 6
    values[picks] += mixing @ rng.standard_normal((len(names), len(times))) / np.sqrt(9)
    # The average of the good electrodes, as `mixed_norm` demands it.
    del made["projs"][-1]
    evoked = mne.EvokedArray(values, made, tmin=times[0], nave=9, comment="simulated", baseline=None)
    evoked.set_eeg_reference(projection=True)
    evoked.save("simulated-ave.fif", overwrite=True)
    cov = mne.Covariance(mixing @ mixing.T, names, made["bads"], evoked.info["projs"], nfree=5000)
    cov.save("simulated-cov.fif", overwrite=True)
    mne.write_forward_solution("simulated-fwd.fif", fwd, overwrite=True)


# What makes the files that tests damage.
damageable = [evokeds, old_evoked, epochs, covariances, small_forwards, small_raws]
