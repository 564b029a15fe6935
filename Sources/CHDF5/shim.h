#include <errno.h>
#include <hdf5.h>
#include <stdlib.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

// Swift imports neither HDF5's function-like macros nor the predefined types, which are macros
// that first initialize the library. Each shim below exists for that reason alone, unless it says another.
static inline unsigned foci_h5f_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned foci_h5f_truncate(void) { return H5F_ACC_TRUNC; }
static inline hid_t foci_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t foci_h5p_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t foci_h5p_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t foci_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t foci_h5p_dataset_access(void) { return H5P_DATASET_ACCESS; }
static inline hid_t foci_h5p_link_access(void) { return H5P_LINK_ACCESS; }
static inline hid_t foci_h5t_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t foci_h5t_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t foci_h5t_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t foci_h5t_ieee_f32le(void) { return H5T_IEEE_F32LE; }
static inline hid_t foci_h5t_ieee_f32be(void) { return H5T_IEEE_F32BE; }
static inline hid_t foci_h5t_ieee_f64le(void) { return H5T_IEEE_F64LE; }
static inline hid_t foci_h5t_ieee_f64be(void) { return H5T_IEEE_F64BE; }
static inline hid_t foci_h5t_std_i8le(void) { return H5T_STD_I8LE; }
static inline hid_t foci_h5t_std_i32le(void) { return H5T_STD_I32LE; }
static inline hid_t foci_h5t_std_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t foci_h5t_std_u8le(void) { return H5T_STD_U8LE; }
static inline hid_t foci_h5t_std_u16le(void) { return H5T_STD_U16LE; }
static inline hid_t foci_h5t_std_u64le(void) { return H5T_STD_U64LE; }
static inline hid_t foci_h5t_std_ref_object(void) { return H5T_STD_REF_OBJ; }
static inline hid_t foci_h5t_c_string(void) { return H5T_C_S1; }
static inline size_t foci_h5t_variable(void) { return H5T_VARIABLE; }
static inline hid_t foci_h5s_all(void) { return H5S_ALL; }
static inline hid_t foci_h5e_default(void) { return H5E_DEFAULT; }
static inline haddr_t foci_haddr_undefined(void) { return HADDR_UNDEF; }

// The kind of a link; its struct is H5L_info1_t or H5L_info2_t by version, behind a macro.
static inline int foci_h5l_type(hid_t location, const char *name) {
    H5L_info_t info;
    return H5Lget_info(location, name, &info, H5P_DEFAULT) < 0 ? (int)H5L_TYPE_ERROR : (int)info.type;
}

// A driver that reads a file through a descriptor that is open already, of which Swift can write no part: the structures
// of the library and of the driver share their first bytes. What was checked by way of the descriptor is then the very
// file that the library follows, whatever its name leads to by now. Nothing is written or locked, and no data are buffered.
typedef struct {
    int descriptor;
    haddr_t byte_count;
} foci_descriptor;

typedef struct {
    H5FD_t common;
    foci_descriptor source;
    haddr_t end_of_addresses;
} foci_descriptor_file;

static inline H5FD_t *foci_descriptor_open(const char *name, unsigned flags, hid_t access, haddr_t most) {
    (void)name, (void)most;
    const foci_descriptor *source = (const foci_descriptor *)H5Pget_driver_info(access);
    foci_descriptor_file *file;
    if (flags != H5F_ACC_RDONLY || !source || !(file = (foci_descriptor_file *)calloc(1, sizeof *file))) return NULL;
    file->source = *source;
    return &file->common;
}

static inline herr_t foci_descriptor_close(H5FD_t *file) {
    free(file);
    return 0;
}

static inline herr_t foci_descriptor_query(const H5FD_t *file, unsigned long *features) {
    (void)file;
    // H5Fget_eoa, by which datasets are checked, answers only for drivers that suit SWMR.
    *features = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static inline haddr_t foci_descriptor_get_eoa(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const foci_descriptor_file *)file)->end_of_addresses;
}

static inline herr_t foci_descriptor_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((foci_descriptor_file *)file)->end_of_addresses = address;
    return 0;
}

static inline haddr_t foci_descriptor_get_eof(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const foci_descriptor_file *)file)->source.byte_count;
}

static inline herr_t foci_descriptor_read(
    H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count, void *buffer) {
    (void)type, (void)transfer;
    const int descriptor = ((const foci_descriptor_file *)file)->source.descriptor;
    char *place = (char *)buffer;
    while (count > 0) {
        const ssize_t got = pread(descriptor, place, count, (off_t)address);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        place += got, address += (haddr_t)got, count -= (size_t)got;
    }
    return 0;
}

static inline herr_t foci_descriptor_write(
    H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count, const void *buffer) {
    (void)file, (void)type, (void)transfer, (void)address, (void)count, (void)buffer;
    return -1;
}

// Registers the driver; its settings in H5Pset_driver are a foci_descriptor.
static inline hid_t foci_register_descriptor_driver(void) {
    static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
        .version = H5FD_CLASS_VERSION,
        .value = (H5FD_class_value_t)512,
#endif
        .name = "descriptor",
        .maxaddr = ((haddr_t)1 << 63) - 1,
        .fc_degree = H5F_CLOSE_WEAK,
        .fapl_size = sizeof(foci_descriptor),
        .open = foci_descriptor_open,
        .close = foci_descriptor_close,
        .query = foci_descriptor_query,
        .get_eoa = foci_descriptor_get_eoa,
        .set_eoa = foci_descriptor_set_eoa,
        .get_eof = foci_descriptor_get_eof,
        .read = foci_descriptor_read,
        .write = foci_descriptor_write,
        .fl_map = H5FD_FLMAP_DICHOTOMY,
    };
    return H5FDregister(&driver);
}

// MADV_POPULATE_WRITE of Linux, which headers older than the system do not name.
static inline int foci_madv_populate_write(void) { return 23; }
