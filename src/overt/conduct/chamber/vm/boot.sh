#!/.lab/busybox sh
# First program of the virtual machine: drivers, network, then the agent, by itself or as a service of systemd.
B=/.lab/busybox
$B mkdir -p /proc /sys /dev /run /tmp /etc /root /bin
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
$B mkdir -p /dev/pts /dev/shm
$B mount -t devpts pts /dev/pts
while read -r module; do
    $B insmod "/.lab/modules/$module" || echo "module $module was not loaded"
done </.lab/modules.list
[ -e /bin/sh ] || $B --install -s /bin
. /.lab/settings
$B hostname "$NAME"
echo "$NAME" >/etc/hostname
$B rm -f /etc/resolv.conf
for address in $RESOLVERS; do echo "nameserver $address"; done >/etc/resolv.conf
link=$($B ls /sys/class/net | $B grep -v '^lo$' | $B head -n 1)
echo 0 >"/proc/sys/net/ipv6/conf/$link/accept_dad"
$B ip link set lo up
$B ip link set "$link" up
$B ip addr add "$V4/24" dev "$link"
$B ip -6 addr add "$V6/64" dev "$link"
$B ip route add default via "$GATEWAY4"
$B ip -6 route add default via "$GATEWAY6" dev "$link"
for init in /lib/systemd/systemd /usr/lib/systemd/systemd; do
    [ -x "$init" ] || continue
    $B mkdir -p /etc/systemd/system/multi-user.target.wants
    $B cp /.lab/agent.service /etc/systemd/system/lab-agent.service
    $B ln -sf ../lab-agent.service /etc/systemd/system/multi-user.target.wants/lab-agent.service
    exec "$init" systemd.unit=multi-user.target
done
exec $B sh /.lab/agent.sh
