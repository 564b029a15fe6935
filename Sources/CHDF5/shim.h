#include <hdf5.h>

// Swift imports neither HDF5's function-like macros nor the predefined types, which are macros
// that first initialize the library. Each shim below exists for that reason alone, unless it says another.
static inline unsigned foci_h5f_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned foci_h5f_truncate(void) { return H5F_ACC_TRUNC; }
static inline hid_t foci_h5p_default(void) { return H5P_DEFAULT; }
static inline hid_t foci_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t foci_h5p_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t foci_h5p_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t foci_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t foci_h5p_dataset_access(void) { return H5P_DATASET_ACCESS; }
static inline hid_t foci_h5p_dataset_transfer(void) { return H5P_DATASET_XFER; }
static inline hid_t foci_h5p_link_access(void) { return H5P_LINK_ACCESS; }
static inline hid_t foci_h5t_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t foci_h5t_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t foci_h5t_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t foci_h5t_native_uint8(void) { return H5T_NATIVE_UINT8; }
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

// Reads without locking, so that files on read-only and network drives open; absent in 1.12.0 and before 1.10.7.
static inline herr_t foci_h5p_disable_file_locking(hid_t access) {
#if H5_VERSION_GE(1, 12, 1) || (H5_VERS_MINOR == 10 && H5_VERSION_GE(1, 10, 7))
    return H5Pset_file_locking(access, 0, 1);
#else
    (void)access;
    return 0;
#endif
}

// Whether a file is read through one descriptor of the system, which H5Fget_vfd_handle then gives.
static inline int foci_h5p_reads_by_descriptor(hid_t access) { return H5Pget_driver(access) == H5FD_SEC2; }

// MADV_POPULATE_WRITE of Linux, which headers older than the system do not name.
static inline int foci_madv_populate_write(void) { return 23; }
