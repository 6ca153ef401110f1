// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/files/decrypt_record.h"
#include "cli/files/linked_files.h"
#include "cli/files/output_places.h"
#include "cli/files/output_tree.h"
#include "cli/files/part_file.h"
#include "cli/output/progress.h"
#include "lib/base/error.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/lower_file.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {

// Writes decrypted copies of lower folders, files and links into the output, under their plain
// names. Replaces nothing: a copy that an earlier run made stays, and where something else has the
// name, the copy gets another one. Records what it does.
class DecryptedCopies {
  public:
    // Borrows all. With `saves_beyond_size`, what lies behind a file's end is saved as NAME.beyond.
    DecryptedCopies(lowerfs::FileKeySet& keys, Progress& progress, OutputTree& output,
                    DecryptRecord& record, bool saves_beyond_size)
        : keys_(keys),
          progress_(progress),
          output_(output),
          record_(record),
          saves_beyond_size_(saves_beyond_size),
          places_(output) {}

    // Makes the folder, or reuses that of an earlier run, and goes into it.
    base::Result<void> enter_folder(const lowerfs::TreeEntry& folder, const std::string& name);
    void leave_folder(const lowerfs::TreeEntry& folder);
    base::Result<void> copy_link(const lowerfs::TreeEntry& entry, const std::string& name);
    // Writes what can be read of a damaged file as NAME.damaged, and gives an error.
    base::Result<void> copy_file(const lowerfs::TreeEntry& entry, const lowerfs::LowerFile& file,
                                 const std::string& name);

  private:
    using Place = OutputPlaces::Place;
    using IsEarlier = OutputPlaces::IsEarlier;
    struct Contents {
        PartFile part;
        std::vector<lower::FileRange> lost;
        bool doubtful = false;  // lowerfs::may_be_of_damaged_key()
    };

    base::Result<bool> link_known_copy(const lowerfs::TreeEntry& entry,
                                       const lowerfs::LowerFile& file, const std::string& name);
    base::Result<Contents> write_contents(const lowerfs::LowerFile& file,
                                          const lower::FileRange& range);
    base::Result<void> write_file(const lowerfs::TreeEntry& entry, const lowerfs::LowerFile& file,
                                  const std::string& name);
    base::Result<bool> is_complete(const lowerfs::LowerFile& file, const std::string& there);
    base::Result<Place> publish(const lowerfs::TreeEntry& entry, Contents& contents,
                                const std::string& name, const IsEarlier& is_earlier);
    base::Result<void> save_beyond_size(const lowerfs::TreeEntry& entry,
                                        const lowerfs::LowerFile& file, const std::string& name);
    void remember_copy(const lowerfs::LowerFile& file, const std::string& name);
    void record_place(const lowerfs::TreeEntry& entry, const std::string& name, const Place& place,
                      const std::string& where);

    lowerfs::FileKeySet& keys_;
    Progress& progress_;
    OutputTree& output_;
    DecryptRecord& record_;
    bool saves_beyond_size_;
    OutputPlaces places_;
    LinkedFiles linked_;
};

}  // namespace ecryptfs::cli
