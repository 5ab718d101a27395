#!/.lab/busybox sh
# First program of the virtual machine: drivers, its disk, then what is on it.
B=/.lab/busybox
$B mkdir -p /proc /sys /dev /disk
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
while read -r module; do
    $B insmod "/.lab/modules/$module" || echo "module $module was not loaded"
done </.lab/modules.list
$B mount -t ext4 /dev/vda /disk
for place in proc sys dev; do
    $B mkdir -p "/disk/$place"
    $B mount --move "/$place" "/disk/$place"
done
exec $B switch_root /disk /.lab/busybox sh /.lab/start.sh
