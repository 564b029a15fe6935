#include <hdf5.h>

// Swift imports neither HDF5's function-like macros nor the predefined types, which are macros
// that first initialize the library. Each shim below exists for that reason alone.
static inline unsigned foci_h5f_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned foci_h5f_truncate(void) { return H5F_ACC_TRUNC; }
static inline hid_t foci_h5p_default(void) { return H5P_DEFAULT; }
static inline hid_t foci_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t foci_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t foci_h5t_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t foci_h5t_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t foci_h5t_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t foci_h5t_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t foci_h5t_native_int8(void) { return H5T_NATIVE_INT8; }
static inline hid_t foci_h5t_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t foci_h5t_c_string(void) { return H5T_C_S1; }
static inline size_t foci_h5t_variable(void) { return H5T_VARIABLE; }
static inline hid_t foci_h5s_all(void) { return H5S_ALL; }
static inline unsigned foci_h5f_object_all(void) { return H5F_OBJ_ALL; }
