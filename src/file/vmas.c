/* SPDX-License-Identifier: MIT */
/* The vmas that map a file: what truncation walks. */
#include "file/file.h"

void qr_file_link_vma(struct quire_file *file, struct quire_vma *vma)
{
	qr_spin(file->system, &file->map_lock, QR_RANK_FILE);
	qr_list_add_tail(&file->vmas, &vma->file_link);
	qr_spin_end(file->system, &file->map_lock, QR_RANK_FILE);
}

void qr_file_unlink_vma(struct quire_file *file, struct quire_vma *vma)
{
	qr_spin(file->system, &file->map_lock, QR_RANK_FILE);
	qr_list_del(&vma->file_link);
	qr_spin_end(file->system, &file->map_lock, QR_RANK_FILE);
}
